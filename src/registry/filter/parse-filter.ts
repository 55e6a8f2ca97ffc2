import type { Comparison, QueryClause, QueryField } from '../../ports/registry-query.ts';
import type { FilterTarget } from './filter-target.ts';
import { type FilterToken, filterFault, filterTokens } from './filter-tokens.ts';

/*
 * The filter language of MLflow searches:
 *
 *   filter     = clause *("AND" clause)
 *   clause     = field (comparison value / "IN" list / "NOT IN" list / "IS NULL" / "IS NOT NULL")
 *   field      = [entity "."] key            ; without an entity: an attribute
 *   entity     = "metric(s)" / "param(s)" / "parameter(s)" / "tag(s)" / "attribute(s)" / "attr" / "run" / "dataset(s)"
 *   key        = name *("." name) / "`" text "`" / DQUOTE text DQUOTE
 *   comparison = "=" / "!=" / ">" / ">=" / "<" / "<=" / "LIKE" / "ILIKE"
 *   list       = "(" text *("," text) ")"
 */

type Entity = QueryField['of'];

const ENTITIES: Readonly<Record<string, Entity>> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
};

const DATASET_KEYS = ['name', 'digest', 'context'];
const NUMERIC: readonly Comparison[] = ['=', '!=', '>', '>=', '<', '<='];
const TEXTUAL: readonly Comparison[] = ['=', '!=', 'LIKE', 'ILIKE'];
const LISTS: readonly Comparison[] = ['IN', 'NOT IN'];
const NULLS: readonly Comparison[] = ['IS NULL', 'IS NOT NULL'];

/** Parses a filter. Error: REGISTRY_FILTER. */
export function parseFilter(target: FilterTarget, filter: string): readonly QueryClause[] {
  const tokens = filterTokens(filter);
  const clauses: QueryClause[] = [];
  let at = 0;
  while (at < tokens.length) {
    if (clauses.length > 0) {
      if (!isWord(tokens[at], 'AND')) throw filterFault(`Invalid clause(s) in filter string: ${tokens[at].text}`);
      at += 1;
    }
    const read = clauseAt(target, tokens, at);
    clauses.push(read.clause);
    at = read.end;
  }
  return clauses;
}

/** Reads a field such as `metrics.auc` from the tokens at a place. */
export function fieldAt(
  target: FilterTarget,
  tokens: readonly FilterToken[],
  at: number,
): { readonly field: QueryField; readonly end: number } {
  const first = tokens[at];
  if (first === undefined) throw filterFault('Invalid clause(s) in filter string: a field is missing');
  const entity =
    first.kind === 'word' && tokens[at + 1]?.kind === 'dot' ? ENTITIES[first.text.toLowerCase()] : undefined;
  if (first.kind === 'word' && tokens[at + 1]?.kind === 'dot' && entity === undefined)
    throw filterFault(
      `Invalid entity type '${first.text}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']`,
    );
  const { key, end } = keyAt(tokens, entity === undefined ? at : at + 2);
  return { field: fieldOf(target, entity ?? 'attribute', key), end };
}

function keyAt(tokens: readonly FilterToken[], at: number): { readonly key: string; readonly end: number } {
  const first = tokens[at];
  if (first?.kind === 'key' || first?.kind === 'quoted') return { key: first.text, end: at + 1 };
  if (first?.kind !== 'word' && first?.kind !== 'number')
    throw filterFault('Invalid clause(s) in filter string: a key is missing');
  let [key, end] = [first.text, at + 1];
  // A dot without white space around it is part of a name that is not quoted.
  while (tokens[end]?.kind === 'dot' && (tokens[end + 1]?.kind === 'word' || tokens[end + 1]?.kind === 'number')) {
    key += `.${tokens[end + 1].text}`;
    end += 2;
  }
  return { key, end };
}

function fieldOf(target: FilterTarget, of: Entity, key: string): QueryField {
  if (of !== 'attribute') {
    if (!target.has[of])
      throw filterFault(`Invalid entity type ${JSON.stringify(of)}: a search of ${target.name} does not have it`);
    if (of === 'dataset' && !DATASET_KEYS.includes(key))
      throw filterFault(`Invalid dataset key ${JSON.stringify(key)}: use name, digest or context`);
    return { of, key };
  }
  const name = Object.hasOwn(target.aliases, key) ? target.aliases[key] : key;
  if (!Object.hasOwn(target.attributes, name))
    throw filterFault(
      `Invalid attribute key '${key}' specified. Valid keys are '{${Object.keys(target.attributes)
        .map((one) => `'${one}'`)
        .join(', ')}}'`,
    );
  return { of, key: name };
}

function clauseAt(
  target: FilterTarget,
  tokens: readonly FilterToken[],
  at: number,
): { readonly clause: QueryClause; readonly end: number } {
  const { field, end } = fieldAt(target, tokens, at);
  const { comparison, end: afterComparison } = comparisonAt(tokens, end);
  const isNumber = field.of === 'metric' || (field.of === 'attribute' && target.attributes[field.key] === 'number');
  checkComparison(field, comparison, isNumber);
  if (NULLS.includes(comparison)) return { clause: { field, comparison, value: null }, end: afterComparison };
  if (LISTS.includes(comparison)) {
    const list = listAt(tokens, afterComparison);
    return { clause: { field, comparison, value: list.texts }, end: list.end };
  }
  return {
    clause: { field, comparison, value: valueAt(tokens[afterComparison], isNumber, field.key) },
    end: afterComparison + 1,
  };
}

function checkComparison(field: QueryField, comparison: Comparison, isNumber: boolean): void {
  const isText = !isNumber;
  const allowed = [
    ...(isNumber ? NUMERIC : TEXTUAL),
    ...(isText && (field.of === 'attribute' || field.of === 'dataset') ? LISTS : []),
    ...(field.of === 'param' || field.of === 'tag' ? NULLS : []),
  ];
  if (!allowed.includes(comparison))
    throw filterFault(
      `Invalid comparator ${JSON.stringify(comparison)} for ${field.of} ${JSON.stringify(field.key)}: use ${allowed.join(', ')}`,
    );
}

function comparisonAt(
  tokens: readonly FilterToken[],
  at: number,
): { readonly comparison: Comparison; readonly end: number } {
  const token = tokens[at];
  if (token?.kind === 'operator') return { comparison: token.text as Comparison, end: at + 1 };
  const words = (count: number) =>
    tokens
      .slice(at, at + count)
      .map(({ kind, text }) => (kind === 'word' ? text.toUpperCase() : ''))
      .join(' ');
  for (const [text, count] of [
    ['IS NOT NULL', 3],
    ['IS NULL', 2],
    ['NOT IN', 2],
    ['LIKE', 1],
    ['ILIKE', 1],
    ['IN', 1],
  ] as const)
    if (words(count) === text) return { comparison: text, end: at + count };
  throw filterFault(
    `Invalid clause(s) in filter string: a comparison is missing after character ${(token?.at ?? 0) + 1}`,
  );
}

function listAt(
  tokens: readonly FilterToken[],
  at: number,
): { readonly texts: readonly string[]; readonly end: number } {
  const texts: string[] = [];
  if (tokens[at]?.kind !== 'open') throw filterFault('Invalid clause(s) in filter string: a list begins with (');
  for (let next = at + 1; ; next += 2) {
    const [value, mark] = [tokens[next], tokens[next + 1]];
    if (value?.kind !== 'quoted') throw filterFault('Invalid clause(s) in filter string: a list has texts in quotes');
    texts.push(value.text);
    if (mark?.kind === 'close') return { texts, end: next + 2 };
    if (mark?.kind !== 'comma') throw filterFault('Invalid clause(s) in filter string: a list is not closed');
  }
}

function valueAt(token: FilterToken | undefined, isNumber: boolean, key: string): string | number {
  if (isNumber) {
    if (token?.kind !== 'number') throw filterFault(`Expected numeric value type for ${JSON.stringify(key)}`);
    return Number(token.text);
  }
  if (token?.kind !== 'quoted') throw filterFault(`Expected a quoted string value for ${JSON.stringify(key)}`);
  return token.text;
}

function isWord(token: FilterToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word;
}
