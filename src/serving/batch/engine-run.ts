import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { cellFault, faultyCell } from '../../model/cell-fault.ts';
import type { NumberType } from '../../model/number-type.ts';
import { typesOfFeatures } from '../../model/row-inputs.ts';
import type { ScoredFiles, ScoreEngine, ScoreJob } from '../../ports/score-engine.ts';
import type { RowNumbers, ScoreFiles, ScoreTable } from '../../ports/score-files.ts';
import type { ScoredVersion } from '../../versions/load/scored-version.ts';
import type { BatchFolder } from './batch-folder.ts';
import { type BatchProgress, ProgressCount } from './batch-progress.ts';
import { type BatchSpec, type Partition, partitionsOf } from './batch-spec.ts';
import { writing } from './durable-file.ts';
import { listFile, listQuarantine, publishPart, type RejectedRow, scratchFile } from './part-files.ts';
import type { Part } from './part-manifest.ts';

/** A model as another system runs it. */
export interface EngineModel
  extends Pick<ScoreJob, 'modelSha256' | 'modelInputs' | 'modelOutput' | 'isSingle' | 'parity'> {
  readonly file: Uint8Array;
}

export interface EngineRunOptions {
  readonly spec: BatchSpec;
  readonly job: string;
  readonly folder: BatchFolder;
  readonly scored: ScoredVersion;
  readonly table: ScoreTable;
  readonly engine: ScoreEngine;
  readonly files: ScoreFiles;
  /** The model's file, and how it is run. */
  readonly model: EngineModel;
  readonly monotonic: () => number;
  readonly onProgress: (progress: BatchProgress) => void;
  readonly signal: AbortSignal | null;
  /** Receives the progress of the engine as text. */
  readonly onEngine: (text: string) => void;
}

/**
 * Scores the partitions that are not published yet as one job of another system, then publishes each. The manifests are those of any
 * other run: a job that began in worker processes can end here. Errors: PREDICT_*, SPARK_*, MODEL_PARITY.
 */
export async function runByEngine(options: EngineRunOptions): Promise<readonly Part[]> {
  const { spec, job, folder, monotonic, onProgress } = options;
  const parts = folder.parts();
  const progress = new ProgressCount(job, spec.input.rows, monotonic);
  for (const part of parts.values()) progress.add(part.to - part.from, part.quarantined, false);
  const partitions = partitionsOf(spec);
  const left = partitions.filter(({ index }) => !parts.has(index));
  if (left.length > 0) {
    const found = await scoredFiles(options, left);
    try {
      const rejected = await rejectedRows(options, found);
      for (const partition of left) {
        const part = await publish(options, partition, found, rejected);
        parts.set(partition.index, part);
        progress.add(part.to - part.from, part.quarantined, true);
        onProgress(progress.now());
      }
    } finally {
      found.drop();
    }
  }
  return partitions.map(({ index }) => partOf(parts, index));
}

function partOf(parts: ReadonlyMap<number, Part>, index: number): Part {
  const part = parts.get(index);
  if (part === undefined) throw new Error(`partition ${index} is not published`);
  return part;
}

async function scoredFiles(options: EngineRunOptions, left: readonly Partition[]): Promise<ScoredFiles> {
  const {
    spec,
    job,
    folder,
    scored: { version },
    table,
    engine,
    model: { file, ...run },
    signal,
    onEngine,
  } = options;
  const path = join(folder.scratchPath, `model-${folder.run}.onnx`);
  writing(path, () => writeFileSync(path, file));
  try {
    return await engine.score(
      {
        input: table.path,
        partitionRows: spec.options.partitionRows,
        partitions: left.map(({ index }) => index),
        features: table.features,
        keep: table.keep,
        model: path,
        ...run,
        modelName: version.model,
        version: version.version,
        digest: version.artifact,
        job,
      },
      onEngine,
      signal,
    );
  } catch (error) {
    if (signal?.aborted === true) throw fail('JOB_CANCELLED', { job }, error);
    throw error;
  } finally {
    rmSync(path, { force: true });
  }
}

/** The rejected rows by partition. Error: PREDICT_REJECTED. */
async function rejectedRows(
  { spec, job, files, table: { features }, model: { modelInputs } }: EngineRunOptions,
  { rejected }: ScoredFiles,
): Promise<ReadonlyMap<number, readonly RejectedRow[]>> {
  const types = typesOfFeatures({ features, inputs: modelInputs, isSingle: false });
  const rows = (await files.rejectedRows(rejected)).map((row) =>
    row.code === 'PREDICT_CELL' ? { ...row, reason: faultOf(row.reason, features, types) } : row,
  );
  const { mostErrors, partitionRows } = spec.options;
  const most = Math.floor(mostErrors * spec.input.rows);
  if (rows.length > most)
    throw fail('PREDICT_REJECTED', {
      job,
      rejected: rows.length,
      rows: spec.input.rows,
      most,
      reason: rows[0].reason,
    });
  return Map.groupBy(rows, ({ row }) => Math.floor(row / partitionRows));
}

/** The reason of a cell, as worker processes say it: numbers are written in another way by each engine. */
function faultOf(reason: string, features: readonly string[], types: readonly NumberType[]): string {
  const place = Number.parseInt(reason, 10);
  return cellFault(features[place], faultyCell(reason), types[place]);
}

const NO_ROWS: RowNumbers = { rows: 0, isAscending: true };

async function publish(
  { job, folder, scored: { version }, files }: EngineRunOptions,
  { index, from, to }: Partition,
  found: ScoredFiles,
  rejections: ReadonlyMap<number, readonly RejectedRow[]>,
): Promise<Part> {
  const { jobPath } = folder;
  const rejected = rejections.get(index) ?? [];
  const [path, ...more] = found.rows.get(index) ?? [];
  const { rows, isAscending } = path === undefined ? NO_ROWS : await files.rowNumbers(path);
  if (more.length > 0 || rows + rejected.length !== to - from || !isAscending)
    throw fail('PREDICT_ENGINE_ROWS', { job, partition: index, found: rows + rejected.length, rows: to - from });
  const attempt = `${folder.run}-engine`;
  let output: Part['output'] = null;
  if (path !== undefined && rows > 0) {
    const scratch = scratchFile(jobPath, index, attempt, 'parquet');
    writing(scratch, () => copyFileSync(path, scratch));
    output = await listFile(jobPath, scratch, index, '.parquet');
  }
  const quarantine = await listQuarantine(jobPath, { index, attempt }, version.signature.features, rejected);
  const part: Part = { partition: index, from, to, rows, output, quarantined: rejected.length, quarantine };
  return publishPart(jobPath, { job, attempt, version: version.version, digest: version.artifact, part });
}
