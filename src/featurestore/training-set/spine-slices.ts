import { SPINE_AT, SPINE_ID } from '../../features/plan/scan.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { Slice } from '../../schedule/fitting-slices.ts';

/** The rows of a spine that meet conditions, as SQL. */
export interface SpineSlice extends Slice {
  readonly where: readonly string[];
}

/** All rows of a spine, however many they are. */
export const WHOLE_SPINE: SpineSlice = { where: [], rows: Number.POSITIVE_INFINITY };

/** A SELECT of the rows of a slice. */
export function sliceOf(spine: string, { where }: SpineSlice): string {
  return where.length === 0 ? spine : `SELECT * FROM (${spine}) WHERE ${where.join(' AND ')}`;
}

/**
 * Cuts a slice in two with about half the rows each: by instant, and where all rows are of one instant by id. So the slices
 * one after the other have the order of the whole. Null: it has one row, or rows that nothing tells apart.
 */
export async function cutSpine(
  offline: Pick<OfflineStore, 'query'>,
  spine: string,
  slice: SpineSlice,
): Promise<readonly [SpineSlice, SpineSlice] | null> {
  const from = `FROM (${sliceOf(spine, slice)})`;
  const [rows, least, most, at] = await oneRow(
    offline,
    `SELECT COUNT(*), MIN(${SPINE_AT}), MAX(${SPINE_AT}), quantile_disc(${SPINE_AT}, 0.5) ${from}`,
  );
  if (Number(rows) < 2) return null;
  if (least !== most) return halves(slice, Number(rows), splitAt(SPINE_AT, String(at), at === least));
  const id = `CAST(${SPINE_ID} AS VARCHAR)`;
  const [first, last, middle] = await oneRow(
    offline,
    `SELECT MIN(${id}), MAX(${id}), quantile_disc(${id}, 0.5) ${from}`,
  );
  if (first === last) return null;
  return halves(slice, Number(rows), splitAt(id, `'${String(middle).replaceAll("'", "''")}'`, middle === first));
}

/** The rows before a value and the others; a value that is the least one belongs to the first half. */
function splitAt(column: string, value: string, isLeast: boolean): readonly [string, string] {
  return isLeast
    ? [`${column} <= ${value}`, `${column} > ${value}`]
    : [`${column} < ${value}`, `${column} >= ${value}`];
}

function halves(
  { where }: SpineSlice,
  rows: number,
  [first, second]: readonly [string, string],
): readonly [SpineSlice, SpineSlice] {
  const half = Math.ceil(rows / 2);
  return [
    { where: [...where, first], rows: half },
    { where: [...where, second], rows: half },
  ];
}

async function oneRow(offline: Pick<OfflineStore, 'query'>, sql: string): Promise<readonly OfflineValue[]> {
  for await (const [row] of offline.query(sql)) if (row !== undefined) return row;
  return [];
}
