import { isHeadraceError } from '../base/errors/fail.ts';
import type {
  OfflineChange,
  OfflineStore,
  OfflineTable,
  OfflineTableState,
  OfflineValue,
  TableAppend,
} from '../ports/offline-store.ts';
import { HOLDS } from '../ports/offline-value.ts';

/** Rows that their table cannot store are in the table of this prefix and its name, every value as text. */
export const UNSTORED = 'unstored/';

/** The column that says which value of a row could not be stored. */
const REASON = '_reason';

/**
 * Publishes a change of mode `append`. Rows that their table cannot store go, in the same change, to a table of text:
 * one bad row never stops a table, and none is lost. Errors: those of `publish` except OFFLINE_VALUE.
 */
export async function publishStorable(offline: Pick<OfflineStore, 'publish'>, change: OfflineChange): Promise<void> {
  try {
    await offline.publish(change);
  } catch (error) {
    if (!isHeadraceError(error, 'OFFLINE_VALUE')) throw error;
    await offline.publish({ ...change, tables: change.tables.flatMap(divided) });
  }
}

/** A table of unstored rows, and their number. */
export interface Unstored {
  readonly table: string;
  readonly rows: number;
}

/** The tables of a history that have rows which could not be stored. */
export function unstoredOf(tables: readonly OfflineTableState[]): readonly Unstored[] {
  return tables
    .filter(({ table: { name }, rows }) => name.startsWith(UNSTORED) && rows > 0)
    .map(({ table: { name }, rows }) => ({ table: name.slice(UNSTORED.length), rows }));
}

/** An append as that of the rows that can be stored, and, where there are others, that of them as text. */
export function divided(append: TableAppend): readonly TableAppend[] {
  const reasons = Array.from({ length: append.rows }, (_, row) => reasonOf(append, row));
  const bad = reasons.flatMap((reason, row) => (reason === null ? [] : [row]));
  if (bad.length === 0) return [append];
  const good = reasons.flatMap((reason, row) => (reason === null ? [row] : []));
  const stored = { ...append, rows: good.length, columns: append.columns.map((values) => good.map((r) => values[r])) };
  const texts = append.columns.map((values) => bad.map((row) => textOf(values[row])));
  const unstored = {
    table: unstoredTable(append.table),
    rows: bad.length,
    columns: [...texts, bad.map((row) => reasons[row])],
  };
  return [stored, unstored];
}

function reasonOf({ table, columns }: TableAppend, row: number): string | null {
  const types = Object.entries(table.columns);
  for (let c = 0; c < types.length; c += 1) {
    const [name, type] = types[c];
    const value = columns[c][row];
    if (value !== null && !HOLDS[type](value)) return `${name} = ${textOf(value)} is not ${type}`;
  }
  return null;
}

/** The table for rows that a table cannot store. */
export function unstoredTable({ name, columns }: OfflineTable): OfflineTable {
  const texts = Object.fromEntries(Object.keys(columns).map((column) => [column, 'STRING' as const]));
  return { name: `${UNSTORED}${name}`, columns: { ...texts, [REASON]: 'STRING' } };
}

/** A value as text that can be stored: a character that has no UTF-8 becomes U+FFFD. */
function textOf(value: OfflineValue | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return (Array.isArray(value) ? JSON.stringify(value.map(String)) : String(value)).toWellFormed();
}
