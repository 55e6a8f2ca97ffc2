import { rmSync } from 'node:fs';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { BatchViewData, FeatureServiceData, LookupSpec } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import type { OfflineStore, OfflineValue, RowBatch } from '../../ports/offline-store.ts';
import type { BatchRow } from '../../ports/online-store.ts';
import { type Cron, lastDue, parseCron } from '../../schedule/cron.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { parquetRelation } from '../parquet-relation.ts';
import { ScratchFiles } from '../scratch-files.ts';
import { generationRows } from './generation-rows.ts';
import { readBatch } from './read-batch.ts';
import { type RunRows, slicesOf } from './run-rows.ts';

/** Runs of a view's past at most; of more, as many are made as lie evenly. */
const MOST_RUNS = 400;

export interface PastGenerationsOptions {
  readonly service: FeatureServiceData;
  readonly offline: OfflineStore;
  /** A SELECT of `_at` and the request columns. */
  readonly spine: string;
  readonly mode: ReadMode;
  /** Prefix of file names. */
  readonly scratch: string;
  /** Takes warnings in words. */
  readonly onProgress: (text: string) => void;
}

/** Generations of batch views for the rows of a spine, also of instants before the first that was served. */
export interface PastGenerations {
  /** The file of a view's past generations, in the columns of its table; null where there are none. */
  readonly fileOf: (view: BatchViewData) => string | null;
  /** SQL of the offline store that stands for all generations of a view. */
  readonly generationsOf: (view: BatchViewData) => string;
  /** Removes the files. */
  drop(): void;
}

/**
 * Finds values for rows whose instant is before the first run of a batch view. The view's SQL is run as of the past
 * instants of its schedule, over the events up to each. The rows are kept for one training set only, since the history
 * holds served values. Errors: those of {@link readBatch}, except BATCH_SQL: such a run keeps the previous generation.
 */
export async function pastGenerations(options: PastGenerationsOptions): Promise<PastGenerations> {
  const { service, offline } = options;
  const files = new Map<BatchViewData, string>();
  const drop = () => {
    for (const path of files.values()) rmSync(path, { force: true });
  };
  try {
    for (const view of new Set(service.lookups.map((lookup) => lookup.view))) {
      // Nobody could read a score before the model gave the first one.
      if (view.kind !== 'batchView' || view.scores !== undefined) continue;
      const path = `${options.scratch}.${files.size}.generations`;
      files.set(view, path);
      if (!(await writePast(view, path, options))) files.delete(view);
    }
  } catch (error) {
    drop();
    throw error;
  }
  return {
    fileOf: (view) => files.get(view) ?? null,
    generationsOf: (view) => {
      const kept = offline.relation(batchTable(view));
      const file = files.get(view);
      return file === undefined ? kept : `(SELECT * FROM ${kept} UNION ALL SELECT * FROM ${parquetRelation([file])})`;
    },
    drop,
  };
}

/** Writes the past generations of a view; false where no row asks for one. */
async function writePast(view: BatchViewData, path: string, options: PastGenerationsOptions): Promise<boolean> {
  const { offline, spine, onProgress } = options;
  const first = await firstVisible(view, offline);
  if (first === null)
    onProgress(
      `warning: batch view "${view.name}" has not run yet: requests get nulls from it until it does; run headrace backfill ${view.name}`,
    );
  const before = first === null ? 'true' : `_at < CAST(${first} AS BIGINT)`;
  const [least, most] = await firstRow(offline, `SELECT MIN(_at), MAX(_at) FROM (${spine}) AS s WHERE ${before}`);
  if (least === null || most === null) return false;
  const instants = dueInstants(view, parseCron(view.schedule, view.name), Number(least), Number(most), onProgress);
  if (instants.length === 0) return false;
  onProgress(`batch view "${view.name}": ${instants.length} runs as of past instants`);
  await offline.exportRows(batchTable(view), generations(view, instants, before, options), path);
  return true;
}

/** When the first generation of a batch view became visible, epoch ms; null: it has not run yet. */
export async function firstVisible(view: BatchViewData, offline: OfflineStore): Promise<number | null> {
  const [first] = await firstRow(offline, `SELECT MIN(visible_from) FROM ${offline.relation(batchTable(view))} AS g`);
  return first === null ? null : Number(first);
}

async function firstRow(offline: OfflineStore, sql: string): Promise<readonly OfflineValue[]> {
  for await (const [row] of offline.query(sql)) return row;
  return [];
}

/** The instants of a schedule that rows from `least` to `most` read from, in order. */
function dueInstants(
  view: BatchViewData,
  cron: Cron,
  least: number,
  most: number,
  onProgress: (text: string) => void,
): readonly number[] {
  const stride = (most - least) / MOST_RUNS;
  const instants: number[] = [];
  let thinned = false;
  for (let due = lastDue(cron, most); due !== null; ) {
    instants.push(due);
    if (due <= least) break;
    const next = lastDue(cron, due - Math.max(1, stride));
    if (!thinned && next !== null) thinned = next !== lastDue(cron, due - 1);
    due = next;
  }
  if (thinned)
    onProgress(
      `warning: batch view "${view.name}" would have run more than ${MOST_RUNS} times before it first did: rows read ${instants.length} runs that lie evenly`,
    );
  return instants.reverse();
}

/** A run of the past, in a file. */
interface PastRun {
  readonly asOf: number;
  readonly path: string;
  readonly rows: RunRows;
}

/** The generations that rows read, each with the keys that are asked for in its time. Memory does not grow with the view. */
async function* generations(
  view: BatchViewData,
  instants: readonly number[],
  before: string,
  options: PastGenerationsOptions,
): AsyncGenerator<RowBatch> {
  const files = new ScratchFiles(`${options.scratch}.past`, 'past');
  let last: PastRun | null = null;
  const generation = async function* (index: number, keys: ReadonlySet<string>): AsyncGenerator<RowBatch> {
    if (keys.size === 0) return;
    const asOf = instants[index];
    const run = await pastRun(view, { asOf, path: files.next('run') }, options);
    if (run !== null && last !== null) rmSync(last.path, { force: true });
    last = run ?? last;
    if (last === null) return;
    const about = { generation: index - instants.length, asOf: last.asOf, visibleFrom: asOf };
    yield generationRows(view, about, await rowsOfKeys(view, last.rows, keys, options));
  };
  try {
    let at = 0;
    let keys = new Set<string>();
    for await (const [q, asked] of askedKeys(view, before, options)) {
      if (q < instants[0]) continue;
      while (at + 1 < instants.length && instants[at + 1] <= q) {
        yield* generation(at, keys);
        keys = new Set();
        at += 1;
      }
      for (const key of asked) keys.add(key);
    }
    yield* generation(at, keys);
  } finally {
    files.remove();
  }
}

async function pastRun(
  view: BatchViewData,
  { asOf, path }: Omit<PastRun, 'rows'>,
  { offline, mode, onProgress }: PastGenerationsOptions,
): Promise<PastRun | null> {
  try {
    const rows = await readBatch(view, offline, asOf, path, mode === 'corrected' ? 'happened' : 'arrived');
    return { asOf, path, rows };
  } catch (error) {
    if (!isHeadraceError(error, 'BATCH_SQL')) throw error;
    onProgress(`warning: batch view "${view.name}" fails as of ${new Date(asOf).toISOString()}: ${error.message}`);
    return null;
  }
}

/** The rows of a run that are of these keys. */
async function rowsOfKeys(
  view: BatchViewData,
  rows: RunRows,
  keys: ReadonlySet<string>,
  { offline }: PastGenerationsOptions,
): Promise<readonly BatchRow[]> {
  const found: BatchRow[] = [];
  for await (const slice of slicesOf(view, offline, rows)) found.push(...slice.filter(({ key }) => keys.has(key)));
  return found;
}

/** The keys of a view that rows ask for, by instant, in order. */
async function* askedKeys(
  view: BatchViewData,
  before: string,
  { service, offline, spine }: PastGenerationsOptions,
): AsyncGenerator<readonly [number, readonly string[]]> {
  const lookups = service.lookups.filter((lookup) => lookup.view === view);
  const parts = Object.keys(view.entity.key);
  const columns = lookups.flatMap(({ key }) => parts.map((part) => `"${key[part]}"`));
  const decoders = lookups.flatMap(({ key }: LookupSpec) =>
    parts.map((part) => valueDecoder(service.request[key[part]])),
  );
  const { encode } = entityKeyCodec(view.entity.key);
  const sql = `SELECT _at, ${columns.join(', ')} FROM (${spine}) AS s WHERE ${before} ORDER BY _at`;
  for await (const rows of offline.query(sql)) {
    for (const [q, ...cells] of rows) {
      const values = cells.map((cell, i) => decoders[i](cell));
      const keys = lookups.map((_, i) => encode(values.slice(i * parts.length, (i + 1) * parts.length)));
      yield [Number(q), keys.filter((key) => key !== null)];
    }
  }
}
