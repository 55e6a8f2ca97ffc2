import { fail } from '../../base/errors/fail.ts';
import type { TableFile, TableFileColumn } from '../../ports/table-file.ts';

/** Columns that a user names, for every command that looks at features of files. */
export interface ColumnChoice {
  /** Columns to leave out; one may be in one of the files only. */
  readonly ignore: readonly string[];
  /** Columns that are looked at; none: all. Each is in every file. */
  readonly features: readonly string[];
}

/** A column that is not looked at, and why. */
export interface ExcludedColumn {
  readonly name: string;
  readonly reason: string;
}

export interface ChosenColumns {
  /** Columns that every file has, in the order of the first. */
  readonly columns: readonly TableFileColumn[];
  readonly excluded: readonly ExcludedColumn[];
  /** Columns of the excluded ones that were left out by the choice, and not for want of them in a file. */
  readonly left: ReadonlySet<string>;
}

/**
 * The columns of files that are looked at as features, and the others with their reasons. `used` names the columns that the question
 * itself is about. Error: DRIFT_COLUMN.
 */
export function chooseColumns(
  tables: readonly TableFile[],
  { ignore, features }: ColumnChoice,
  used: readonly (readonly [column: string, role: string])[],
): ChosenColumns {
  const hasColumn = ({ columns }: TableFile, column: string) => columns.some(({ name }) => name === column);
  for (const column of ignore)
    if (!tables.some((table) => hasColumn(table, column))) throw unknown('the ignored column', column, tables[0]);
  for (const column of features)
    for (const table of tables) if (!hasColumn(table, column)) throw unknown('the feature', column, table);
  const roles = new Map(used);
  const excluded: ExcludedColumn[] = [];
  const left = new Set<string>();
  const columns: TableFileColumn[] = [];
  const seen = new Set<string>();
  for (const column of tables.flatMap((table) => table.columns)) {
    const { name } = column;
    if (seen.has(name)) continue;
    seen.add(name);
    const role = roles.get(name);
    const choice = ignore.includes(name)
      ? 'ignored'
      : features.length > 0 && !features.includes(name)
        ? 'not among the named features'
        : null;
    const reason = role === undefined ? choice : `it is ${role}`;
    if (reason !== null) {
      left.add(name);
      excluded.push({ name, reason });
    } else if (tables.every((table) => hasColumn(table, name))) columns.push(column);
    else excluded.push({ name, reason: 'it is in one file only' });
  }
  return { columns, excluded, left };
}

/** Fails where a table lacks a column. Error: DRIFT_COLUMN. */
export function requireColumn(what: string, column: string, ...tables: readonly TableFile[]): void {
  for (const table of tables)
    if (!table.columns.some(({ name }) => name === column)) throw unknown(what, column, table);
}

function unknown(what: string, column: string, { path, columns }: TableFile): Error {
  return fail('DRIFT_COLUMN', { what, column, path, known: columns.map(({ name }) => name) });
}
