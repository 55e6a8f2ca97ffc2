import { fail } from '../../base/errors/fail.ts';
import { divided, unstoredTable } from '../../featurestore/publish-storable.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OfflineStore, OfflineTable, OfflineValue, RowBatch } from '../../ports/offline-store.ts';

/** Records of a partition: offsets [from, to). */
export interface LogSpan {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export type Rows = readonly (readonly OfflineValue[])[];

/** A table of the history with one row for each record of a topic that is not blank. */
export interface LoggedTable {
  readonly table: OfflineTable;
  readonly topic: string;
  /** The columns that hold the place of a row's record. */
  readonly placeColumns: { readonly partition: string; readonly offset: string };
  /** The first offset, by partition, of which the table has no row. */
  readonly published: readonly number[];
  /** The number of rows of a span. */
  readonly count: (span: LogSpan) => Promise<number>;
  /** The rows of a span, in the columns of the table. */
  readonly rows: (span: LogSpan) => AsyncIterable<Rows>;
}

/** A span that the sound files have no row of; `isFirst`: nothing of the partition comes before it. */
interface Gap extends LogSpan {
  readonly isFirst: boolean;
}

/**
 * Rebuilds the damaged files of a logged table and of its unstored rows from the log. The lost rows are those of the offsets that no sound
 * file has, and must be as many as the damaged files had. Errors: OFFLINE_REBUILD, those of the stores.
 */
export async function rebuildLoggedTable(offline: OfflineStore, log: EventLog, logged: LoggedTable): Promise<void> {
  const { table } = logged;
  const apart = unstoredTable(table);
  const [expected, expectedApart] = [table, apart].map(({ name }) => damagedRows(offline, name));
  const spans = await lostSpans(offline, log, logged, expected + expectedApart);
  const isDamaged = (name: string) => offline.damaged().some((file) => file.table === name);
  if (isDamaged(table.name)) await offline.replaceDamaged(table, batches(logged, spans, table.name), expected);
  if (isDamaged(apart.name)) await offline.replaceDamaged(apart, batches(logged, spans, apart.name), expectedApart);
}

/** The spans of a table's topic that have rows and that the sound files have no row of. */
async function lostSpans(
  offline: OfflineStore,
  log: EventLog,
  logged: LoggedTable,
  expected: number,
): Promise<readonly LogSpan[]> {
  const gaps = await gapsOf(offline, log, logged);
  const counted: { readonly gap: Gap; readonly rows: number }[] = [];
  for (const gap of gaps) {
    const rows = await logged.count(gap);
    if (rows > 0) counted.push({ gap, rows });
  }
  const sum = (some: typeof counted) => some.reduce((total, { rows }) => total + rows, 0);
  // The oldest rows of a partition may have been dropped by the budget of the history.
  const later = counted.filter(({ gap }) => !gap.isFirst);
  const chosen = sum(counted) === expected ? counted : later;
  if (sum(chosen) !== expected)
    throw fail('OFFLINE_REBUILD', {
      table: logged.table.name,
      reason: `they had ${expected} rows, and the log has ${sum(counted)} that the sound files lack`,
    });
  return chosen.map(({ gap }) => gap);
}

/** Whether the table has a row of every record since the topic's first that is not blank. */
export async function isFromTheFirst(offline: OfflineStore, log: EventLog, logged: LoggedTable): Promise<boolean> {
  const begins = (await log.ends(logged.topic)).map(({ begin }) => begin);
  const gaps = await gapsOf(offline, log, logged);
  for (const gap of gaps) if (gap.isFirst && (await logged.count(gap)) > 0) return false;
  const firsts = await firstOffsets(offline, logged);
  return begins.every((begin, partition) => begin === 0 || firsts.get(partition) === 0);
}

async function gapsOf(offline: OfflineStore, log: EventLog, logged: LoggedTable): Promise<readonly Gap[]> {
  const ends = await log.ends(logged.topic);
  const next = ends.map(({ begin }) => begin);
  const isFirst = ends.map(() => true);
  const gaps: Gap[] = [];
  const add = (partition: number, to: number) => {
    const from = next[partition];
    if (from < to) gaps.push({ partition, from, to, isFirst: isFirst[partition] });
  };
  const upTo = (partition: number) => Math.min(logged.published[partition] ?? 0, ends[partition].end);
  const sql = `SELECT part, first, last FROM (
  SELECT part, MIN(place) AS first, MAX(place) AS last
  FROM (SELECT part, place, place - ROW_NUMBER() OVER (PARTITION BY part ORDER BY place) AS run FROM (${placesSql(offline, logged)}) AS p) AS r
  GROUP BY part, run) AS runs ORDER BY part, first`;
  for await (const rows of offline.query(sql)) {
    for (const row of rows) {
      const [partition, first, last] = row.map(Number);
      // Rows that were copied from another environment have places of its log.
      if (partition >= ends.length) continue;
      add(partition, Math.min(first, upTo(partition)));
      next[partition] = Math.max(next[partition], last + 1);
      isFirst[partition] = false;
    }
  }
  for (let partition = 0; partition < ends.length; partition += 1) add(partition, upTo(partition));
  return gaps;
}

async function firstOffsets(offline: OfflineStore, logged: LoggedTable): Promise<ReadonlyMap<number, number>> {
  const firsts = new Map<number, number>();
  const sql = `SELECT part, MIN(place) FROM (${placesSql(offline, logged)}) AS p GROUP BY part`;
  for await (const rows of offline.query(sql))
    for (const [partition, first] of rows) firsts.set(Number(partition), Number(first));
  return firsts;
}

/** The places of all rows in sound files. */
function placesSql(offline: OfflineStore, { table, placeColumns: { partition, offset } }: LoggedTable): string {
  const of = (relation: string) =>
    `SELECT CAST(${partition} AS BIGINT) AS part, CAST(${offset} AS BIGINT) AS place FROM ${relation} AS t`;
  const [stored, apart] = [table, unstoredTable(table)].map((each) => of(offline.soundRelation(each)));
  return `SELECT DISTINCT part, place FROM (${stored} UNION ALL ${apart}) AS u WHERE part IS NOT NULL AND place IS NOT NULL`;
}

/** The rows of spans that belong in a table: in the logged one, or in that of its unstored rows. */
async function* batches(
  { table, rows }: LoggedTable,
  spans: readonly LogSpan[],
  name: string,
): AsyncGenerator<RowBatch> {
  for (const span of spans) {
    for await (const some of rows(span)) {
      const parts = divided({ table, ...batchOf(table, some) });
      for (const part of parts) if (part.table.name === name && part.rows > 0) yield part;
    }
  }
}

/** Rows as columns. */
export function batchOf(table: OfflineTable, rows: Rows): RowBatch {
  return { rows: rows.length, columns: Object.keys(table.columns).map((_, c) => rows.map((row) => row[c])) };
}

function damagedRows(offline: OfflineStore, table: string): number {
  return offline.damaged().reduce((sum, file) => sum + (file.table === table ? file.rows : 0), 0);
}
