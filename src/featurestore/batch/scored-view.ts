import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { BatchViewData, ScoredViewData } from '../../features/define/declaration.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { SPINE_AT } from '../../features/plan/scan.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { parquetRelation } from '../parquet-relation.ts';
import { ownSql } from './batch-sql.ts';
import { askedView, readRows, selectList } from './read-batch.ts';
import type { RunRows } from './run-rows.ts';

/** Files of a run of a scored view. */
export interface ScoreFilesAsked {
  /** A spine: the entity's key, the request of the model, `_at`. */
  readonly from: string;
  /** The output folder of the batch job. */
  readonly to: string;
  readonly signal: AbortSignal | null;
  readonly onProgress: (text: string) => void;
}

/** Scores the requests of scored views. */
export interface ViewScorer {
  /** The folder of the spines and the scores of all views. */
  readonly folder: string;
  /** Scores a spine; gives the Parquet files with the key columns, `score` and `model_version`. Errors: MODEL_*, PREDICT_*, SPINE_*. */
  score(view: ScoredViewData, files: ScoreFilesAsked): Promise<readonly string[]>;
}

export interface ScoredRunOptions extends Pick<ScoreFilesAsked, 'signal' | 'onProgress'> {
  readonly view: ScoredViewData;
  readonly offline: OfflineStore;
  readonly scorer: ViewScorer;
  /** The file that the rows are written to. */
  readonly path: string;
  /** A spine of a run that did not finish counts from here on, epoch ms: when the run was due. */
  readonly since: number;
  /** Epoch ms. */
  readonly now: number;
}

/** Rows of a run and the instant of their features. */
export interface ScoredRows extends RunRows {
  readonly asOf: number;
}

/**
 * Runs a scored view: writes what its SQL asks as a spine, has it scored, and reads the scores. A run that was killed resumes with
 * its spine and instant, so its batch job resumes too.
 * Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE, BATCH_DUPLICATE_KEY, those of the scorer.
 */
export async function scoredRows(options: ScoredRunOptions): Promise<ScoredRows> {
  const { view, offline, scorer, path, since, now, signal, onProgress } = options;
  const folder = join(scorer.folder, `${view.name}@${view.version}`);
  mkdirSync(folder, { recursive: true });
  const left = unfinished(folder).filter((at) => at >= since && at <= now);
  const asOf = left.at(-1) ?? now;
  const from = join(folder, spineName(asOf));
  const nullKeys = left.length === 0 ? await writeSpine(options, asOf, from) : 0;
  await refuseTwice(view, offline, from);
  const files = await scorer.score(view, { from, to: join(folder, 'scores'), signal, onProgress });
  const rows = await readScores(view, offline, files, path);
  for (const at of unfinished(folder)) rmSync(join(folder, spineName(at)), { force: true });
  return { ...rows, nullKeys, asOf };
}

function spineName(asOf: number): string {
  return `asked-${asOf}.parquet`;
}

/** Whether a run of a view was killed before its scores were read. */
export function hasUnfinished({ folder }: ViewScorer, { name, version }: BatchViewData): boolean {
  const path = join(folder, `${name}@${version}`);
  return existsSync(path) && unfinished(path).length > 0;
}

/** Instants of spines whose runs have not finished, in order. A spine is there whole, or not at all. */
function unfinished(folder: string): readonly number[] {
  return readdirSync(folder)
    .flatMap((name) => /^asked-(\d+)\.parquet$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Gives the number of rows whose key has a null part: they are left out. */
async function writeSpine({ view, offline }: ScoredRunOptions, asOf: number, path: string): Promise<number> {
  const asked = askedView(view);
  const own = ownSql(asked, (source) => offline.relation(rawTable(source)), asOf);
  // Its columns and types are checked before anything is written.
  await selectList(asked, offline, own);
  const columns = [...keyColumns(view), ...Object.keys(asked.features).map(named)];
  const select = columns.map((column) => `run.${column} AS ${column}`).join(', ');
  const all = `${path}.all`;
  try {
    const rows = await offline.exportParquet(
      `SELECT ${select}, CAST(${asOf} AS BIGINT) AS ${SPINE_AT} FROM (${own}\n) AS run`,
      all,
    );
    const whole = keyColumns(view).map((key) => `${key} IS NOT NULL`);
    const kept = `SELECT * FROM ${parquetRelation([all])} WHERE ${whole.join(' AND ')}`;
    return rows - (await offline.exportParquet(kept, path));
  } catch (error) {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) throw error;
    throw fail('BATCH_SQL', { view: view.name, reason: String(error.facts['reason']) }, error);
  } finally {
    rmSync(all, { force: true });
  }
}

/** Error: BATCH_DUPLICATE_KEY. */
async function refuseTwice(view: ScoredViewData, offline: OfflineStore, path: string): Promise<void> {
  const keys = keyColumns(view).join(', ');
  const twice = `SELECT ${keys} FROM ${parquetRelation([path])} AS run GROUP BY ALL HAVING COUNT(*) > 1 LIMIT 1`;
  for await (const [key] of offline.query(twice)) {
    rmSync(path, { force: true });
    throw fail('BATCH_DUPLICATE_KEY', { view: view.name, key: key.map(String).join(', ') });
  }
}

async function readScores(
  view: ScoredViewData,
  offline: OfflineStore,
  files: readonly string[],
  path: string,
): Promise<RunRows> {
  if (files.length === 0) return { relation: '', rows: 0, nullKeys: 0 };
  const sql = `SELECT * FROM ${parquetRelation(files)}`;
  return readRows(view, offline, sql, await selectList(view, offline, sql), path);
}

function keyColumns({ entity }: ScoredViewData): readonly string[] {
  return Object.keys(entity.key).map(named);
}

function named(name: string): string {
  return `"${name}"`;
}
