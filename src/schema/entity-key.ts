import { fail } from '../base/errors/fail.ts';
import type { ColumnSpec, Columns, Value } from './column.ts';

/**
 * The key of an entity as one text, without ambiguity: ("t1|u", "1") and ("t1", "u|1") differ.
 *
 * ```
 * key    = *(part) last             ; one column: its text as it is
 * part   = length ":" text          ; length: UTF-16 units of the text, decimal
 * last   = text
 * text   = the text of a text column, decimal digits of a number (int64 and decimal: of the integer inside),
 *          "true" or "false"
 * ```
 */
export interface EntityKeyCodec {
  /** The key; null if a part is null, since such a row belongs to no entity. */
  readonly encode: EntityKeyEncoder;
  /** The parts of a key. Error: ENTITY_KEY for a text that is not a key. */
  readonly decode: (key: string) => readonly Value[];
}

export type EntityKeyEncoder = (values: readonly Value[]) => string | null;

/**
 * Makes the encoder of an entity's key. `positions` are the indexes of the parts in the values (a source row); without
 * it, the values are the parts in declared order. Error: ENTITY_KEY_TYPE for a float, list or embedding column.
 */
export function entityKeyEncoder(columns: Columns, positions?: readonly number[]): EntityKeyEncoder {
  const names = Object.keys(columns);
  for (const name of names) refuseInexact(name, columns[name]);
  const at = positions ?? names.map((_, index) => index);
  const [only] = at;
  if (at.length === 1 && only !== undefined) return (values) => partText(values[only]);
  return (values) => joinParts(values, at);
}

/** Makes both directions. Error: ENTITY_KEY_TYPE. */
export function entityKeyCodec(columns: Columns): EntityKeyCodec {
  const specs = Object.values(columns);
  return { encode: entityKeyEncoder(columns), decode: (key) => splitParts(key, specs) };
}

function refuseInexact(column: string, { type }: ColumnSpec): void {
  if (type === 'float' || type === 'list' || type === 'embedding') throw fail('ENTITY_KEY_TYPE', { column, type });
}

function partText(value: Value | undefined): string | null {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? null : String(value);
}

function joinParts(values: readonly Value[], at: readonly number[]): string | null {
  let key = '';
  for (let i = 0; i < at.length; i++) {
    const text = partText(values[at[i]]);
    if (text === null) return null;
    key += i === at.length - 1 ? text : `${text.length}:${text}`;
  }
  return key;
}

function splitParts(key: string, specs: readonly ColumnSpec[]): readonly Value[] {
  let rest = key;
  return specs.map((spec, index) => {
    let text = rest;
    if (index < specs.length - 1) {
      const [prefix, digits] = /^(0|[1-9]\d*):/.exec(rest) ?? [];
      const end = prefix === undefined ? Number.NaN : prefix.length + Number(digits);
      if (prefix === undefined || !(end <= rest.length)) throw fail('ENTITY_KEY', { key });
      text = rest.slice(prefix.length, end);
      rest = rest.slice(end);
    }
    const value = partValue(text, spec);
    if (value === null) throw fail('ENTITY_KEY', { key });
    return value;
  });
}

function partValue(text: string, { type }: ColumnSpec): Value {
  if (type === 'text') return text;
  if (type === 'bool') return text === 'true' ? true : text === 'false' ? false : null;
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return null;
  return type === 'int' || type === 'time' ? Number(text) : BigInt(text);
}
