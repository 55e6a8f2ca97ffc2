import { fail } from '../../base/errors/fail.ts';
import type { LookupSpec } from '../../features/define/declaration.ts';
import type { ServiceReadOptions } from '../../features/plan/service-read.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { type SlideQuery, slideQueries } from '../../features/sql/slide-queries.ts';
import type { OfflineStore, OfflineValue, RowBatch } from '../../ports/offline-store.ts';
import { cutNow, eachFittingSlice, type Fit, newFit } from '../../schedule/fitting-slices.ts';
import { parquetRelation } from '../parquet-relation.ts';
import { ScratchFiles } from '../scratch-files.ts';
import { cutSpine, type SpineSlice, sliceOf, WHOLE_SPINE } from './spine-slices.ts';

export interface SlidAnswersOptions extends Omit<ServiceReadOptions, 'slidOf'> {
  readonly offline: OfflineStore;
  /** A SELECT of `_id`, `_at` and the request columns. */
  readonly spine: string;
  /** Prefix of file names; without it they are in a temporary folder. */
  readonly scratch?: string | undefined;
  /** Counts the slides that did not fit. */
  readonly fit?: Fit | undefined;
  /** Called with progress in words, where there are more rows than one file has. */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** Ends it between two batches of rows, with JOB_CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

/** Answers of the features that are made of parts, for the points of a spine, in files. */
export interface SlidAnswers {
  /** SQL of the offline store that stands for the answers of a lookup; undefined where it has no such feature. */
  readonly slidOf: (lookup: LookupSpec) => string | undefined;
  /** Removes the files. */
  drop(): void;
}

/** Answers of one file at most: they fit into a small engine's memory while they are written. */
const FILE_ROWS = 131_072;

/**
 * Answers `lastN`, `distinct`, `topK`, `quantile` and their kind for all rows of a spine. The offline store sorts events and
 * points by key and instant, which goes through its disk where it must; windows slide over them. So memory is that of the windows of
 * one key, and the cost does not grow with instants × events. Errors: OFFLINE_MEMORY, OFFLINE_FULL, OFFLINE_WRITE.
 */
export async function slidAnswers(options: SlidAnswersOptions): Promise<SlidAnswers> {
  const queries = slideQueries(onSpine(options, options.spine));
  if (queries.length === 0) return { slidOf: () => undefined, drop: () => undefined };
  const files = new ScratchFiles(options.scratch, 'slid');
  const relations = new Map<string, string>();
  const drop = () => files.remove();
  try {
    for (const [at, { lookup }] of queries.entries()) {
      const relation = await writtenAnswers(options, at, () => files.next('slid'));
      relations.set(lookup.alias, relation);
    }
  } catch (error) {
    drop();
    throw error;
  }
  return { slidOf: ({ alias }) => relations.get(alias), drop };
}

function onSpine(options: SlidAnswersOptions, spine: string) {
  return { ...options, spine: `(${spine})`, dialect: duckdb };
}

/** Writes the answers of one slide, of slices of the spine that fit; the relation of its files. */
async function writtenAnswers(options: SlidAnswersOptions, at: number, newFile: () => string): Promise<string> {
  const { offline, spine, onProgress } = options;
  const fit = newFit();
  const kept: string[] = [];
  let answered = 0;
  const work = async (slice: SpineSlice) => {
    const written: string[] = [];
    const query = slideQueries(onSpine(options, sliceOf(spine, slice)))[at];
    const batches = answerBatches(query, options);
    try {
      for (let next = await batches.next(), first = true; first || next.done !== true; first = false) {
        const part = async function* (): AsyncGenerator<RowBatch> {
          for (let rows = 0; next.done !== true && rows < FILE_ROWS; next = await batches.next()) {
            rows += next.value.rows;
            yield next.value;
          }
        };
        const file = newFile();
        answered += await offline.exportRows(query.table, part(), file);
        written.push(file);
        if (next.done !== true) onProgress?.(`features of ${query.lookup.alias}: ${answered} rows are answered`);
      }
    } finally {
      await batches.return(undefined);
    }
    kept.push(...written);
  };
  await eachFittingSlice([WHOLE_SPINE], work, {
    cut: (slice) => cutSpine(offline, spine, slice),
    fit,
    onCut: (rows) => onProgress?.(cutNow(rows)),
  });
  if (options.fit !== undefined) options.fit.cuts += fit.cuts;
  // Slices of one instant, cut by id, may ask for the same points.
  return fit.cuts === 0 ? parquetRelation(kept) : `(SELECT DISTINCT * FROM ${parquetRelation(kept)})`;
}

async function* answerBatches(
  { sql, table, reader, lookup }: SlideQuery,
  { offline, signal }: SlidAnswersOptions,
): AsyncGenerator<RowBatch> {
  const read = reader();
  const width = Object.keys(table.columns).length;
  for await (const rows of offline.query(sql)) {
    if (signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `features of ${lookup.alias}` });
    const columns: OfflineValue[][] = Array.from({ length: width }, () => []);
    let answered = 0;
    for (const row of rows) {
      const answer = read(row);
      if (answer === null) continue;
      answered += 1;
      for (let i = 0; i < width; i += 1) columns[i].push(answer[i]);
    }
    if (answered > 0) yield { rows: answered, columns };
  }
}
