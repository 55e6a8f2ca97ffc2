/** How a clause of a filter compares. */
export type Comparison =
  | '='
  | '!='
  | '>'
  | '>='
  | '<'
  | '<='
  | 'LIKE'
  | 'ILIKE'
  | 'IN'
  | 'NOT IN'
  | 'IS NULL'
  | 'IS NOT NULL';

/** The field that a clause of a filter, or a key of an order, reads. */
export type QueryField =
  | { readonly of: 'attribute' | 'metric' | 'param' | 'tag' | 'dataset'; readonly key: string }
  /** A metric that was measured on a named data set; only logged models have it. */
  | {
      readonly of: 'metric';
      readonly key: string;
      readonly dataset: { readonly name: string; readonly digest: string | null };
    };

/** One clause of a filter; all clauses of a filter must hold. */
export interface QueryClause {
  readonly field: QueryField;
  readonly comparison: Comparison;
  /** A list for IN and NOT IN; null for IS NULL and IS NOT NULL. */
  readonly value: string | number | readonly string[] | null;
}

/** One key of an order. */
export interface QueryOrder {
  readonly field: QueryField;
  readonly ascending: boolean;
}

/** The page of a search. */
export interface PageQuery {
  readonly filter: readonly QueryClause[];
  readonly order: readonly QueryOrder[];
  readonly offset: number;
  readonly limit: number;
}

/** Which lifecycle stages a search covers. */
export type StageView = 'active' | 'deleted' | 'all';

/** A page; `more`: there is a row after it. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly more: boolean;
}
