import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { SpineOptions } from '../../featurestore/training-set/spine.ts';
import type { ModelRegistry, ModelVersion } from '../../ports/model-registry.ts';
import type { ScoreFiles, ScoreFormat } from '../../ports/score-files.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { BatchFolder, isWhole, jobFolderName, readBatchManifest } from './batch-folder.ts';
import type { BatchProgress } from './batch-progress.ts';
import { BatchRun } from './batch-run.ts';
import { type BatchSpec, batchJobId, partitionRowsOf, SPEC_FORMAT } from './batch-spec.ts';
import { writeDurably } from './durable-file.ts';
import { mustBeUnchanged } from './file-identity.ts';
import { type InputTable, openInput, type SpineJoin } from './input-table.ts';
import type { BatchManifest } from './part-manifest.ts';
import type { WorkerProgram } from './worker-process.ts';

/** A batch job as it is asked for. */
export interface BatchOptions {
  /** The input file. */
  readonly from: string;
  /** By the ending of the name where it is left out. */
  readonly format?: ScoreFormat | undefined;
  /** The output folder. */
  readonly to: string;
  /** The champion's where it is left out; resolved once. */
  readonly version?: number | undefined;
  /** The rows are requests of the model's service: they get the features of their instants first. */
  readonly spine?: (Omit<SpineOptions, 'path' | 'format'> & { readonly mode?: ReadMode }) | undefined;
  /** Columns of the input that go into the output; those that are no features where it is left out. */
  readonly keep?: readonly string[] | undefined;
  /** Worker processes; one a core where it is left out. */
  readonly workers?: number | undefined;
  /** The share of the rows that may be rejected (0.01). */
  readonly mostErrors?: number | undefined;
  /** Replaces the output of another job. */
  readonly replace?: boolean | undefined;
  /** A run of the model that takes longer counts as hung, ms. */
  readonly runTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined;
}

/** The output of a finished job. */
export interface BatchSummary {
  readonly job: string;
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  /** The output folder. */
  readonly path: string;
  /** Rows of the input. */
  readonly rows: number;
  readonly quarantined: number;
  /** The Parquet files of the output, in the order of the rows. */
  readonly files: readonly string[];
  /** False: the output was there already. */
  readonly isNew: boolean;
}

/** A started job. */
export interface BatchJob {
  readonly id: string;
  readonly spec: BatchSpec;
  readonly result: Promise<BatchSummary>;
}

/** The stores and tools of batch jobs. */
export interface BatchContext {
  readonly registry: ModelRegistry;
  readonly files: ScoreFiles;
  readonly joins: SpineJoin;
  readonly program: WorkerProgram;
  /** For copies of inputs as Parquet. */
  readonly scratch: string;
  readonly monotonic: () => number;
}

const MOST_ERRORS = 0.01;
const RUN_TIMEOUT_MS = 120_000;

/**
 * Starts a batch job: resolves the version, fixes the spec, and runs what is not published yet. The same spec is the same job: it
 * resumes, and when its output is there nothing is done.
 * Errors: MODEL_NONE, REGISTRY_VERSION, PREDICT_*, SPINE_*.
 */
export async function startBatch(model: ModelData, options: BatchOptions, context: BatchContext): Promise<BatchJob> {
  checkOptions(options);
  const version = await versionOf(model, options.version ?? null, context.registry);
  const opened = await inputOf(model, version, options, context);
  const workers = options.workers ?? availableParallelism();
  const { input, table } = opened;
  const spec: BatchSpec = {
    format: SPEC_FORMAT,
    input,
    model: {
      name: model.name,
      version: version.version,
      digest: version.artifact,
      service: version.lineage.service,
      features: [...version.signature.features],
    },
    options: {
      keep: [...table.keep],
      partitionRows: partitionRowsOf(input.rows, table.features.length, workers),
      mostErrors: options.mostErrors ?? MOST_ERRORS,
    },
  };
  const id = batchJobId(spec);
  const result = closingCopy(opened, runJob({ id, spec, version, opened, workers }, options, context));
  // The caller may look at it later.
  result.catch(() => undefined);
  return { id, spec, result };
}

interface Job {
  readonly id: string;
  readonly spec: BatchSpec;
  readonly version: ModelVersion;
  readonly opened: InputTable;
  readonly workers: number;
}

/** Ends the use of the input's copy with the job. */
async function closingCopy({ copy }: InputTable, job: Promise<BatchSummary>): Promise<BatchSummary> {
  let isFinished = false;
  try {
    const summary = await job;
    isFinished = true;
    return summary;
  } finally {
    copy?.close(isFinished);
  }
}

async function runJob(
  { id, spec, version, opened, workers }: Job,
  { to, replace = false, runTimeoutMs = RUN_TIMEOUT_MS, signal, onProgress }: BatchOptions,
  { program, monotonic }: BatchContext,
): Promise<BatchSummary> {
  const path = resolve(to);
  const before = existsSync(path) ? readBatchManifest(path) : null;
  if (before?.job === id && isWhole(path, before)) return finished(before, path, false);
  const folder = BatchFolder.claim(path, id, replace);
  // A run that was closed may have committed meanwhile.
  const committed = readBatchManifest(path);
  if (committed?.job === id && isWhole(path, committed)) return finished(committed, path, false);
  writeDurably(join(folder.jobPath, 'spec.json'), `${JSON.stringify(spec, null, 1)}\n`);
  const { table, identity } = opened;
  const run = new BatchRun({
    spec,
    job: id,
    folder,
    version,
    table,
    identity,
    program,
    workers,
    runTimeoutMs,
    monotonic,
    onProgress: onProgress ?? (() => undefined),
    signal: signal ?? null,
  });
  const parts = await run.parts();
  if (identity !== null) mustBeUnchanged(identity);
  const manifest: BatchManifest = {
    format: SPEC_FORMAT,
    job: id,
    folder: jobFolderName(id),
    spec,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    quarantined: parts.reduce((sum, { quarantined }) => sum + quarantined, 0),
    parts: [...parts],
  };
  folder.commit(manifest);
  folder.clear(before?.job ?? null);
  return finished(manifest, path, true);
}

function finished(
  { job, folder, spec, quarantined, parts }: BatchManifest,
  path: string,
  isNew: boolean,
): BatchSummary {
  const { name, version, digest } = spec.model;
  return {
    job,
    model: name,
    version,
    digest,
    path,
    rows: spec.input.rows,
    quarantined,
    files: parts.flatMap(({ output }) => (output === null ? [] : [join(path, folder, output.file)])),
    isNew,
  };
}

async function versionOf(model: ModelData, asked: number | null, registry: ModelRegistry): Promise<ModelVersion> {
  const version = asked ?? (await registry.alias(model.name, CHAMPION));
  if (version === null) throw fail('MODEL_NONE', { model: model.name });
  return registry.version(model.name, version);
}

function inputOf(
  { service }: ModelData,
  version: ModelVersion,
  { from, format, spine, keep }: BatchOptions,
  { files, joins, scratch }: BatchContext,
): Promise<InputTable> {
  const { mode = 'corrected', ...options } = spine ?? {};
  return openInput({
    path: resolve(from),
    format: format ?? null,
    spine: spine === undefined ? null : { options, mode },
    service,
    version,
    keep: keep ?? null,
    files,
    joins,
    scratch,
  });
}

/** Options that no JSON holds, or that would bound nothing, never reach a spec. Error: PREDICT_OPTION. */
function checkOptions({ mostErrors = MOST_ERRORS, workers = 1 }: BatchOptions): void {
  if (!(mostErrors >= 0 && mostErrors <= 1)) throw fail('PREDICT_OPTION', { option: 'mostErrors', value: mostErrors });
  if (!(Number.isInteger(workers) && workers >= 1)) throw fail('PREDICT_OPTION', { option: 'workers', value: workers });
}
