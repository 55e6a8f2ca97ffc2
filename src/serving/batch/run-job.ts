import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { ScoredVersion } from '../../versions/load/scored-version.ts';
import { BatchFolder, isWhole, jobFolderName, readBatchManifest } from './batch-folder.ts';
import { BatchRun } from './batch-run.ts';
import { type BatchSpec, SPEC_FORMAT } from './batch-spec.ts';
import { writeDurably } from './durable-file.ts';
import { engineModel } from './engine-model.ts';
import { runByEngine } from './engine-run.ts';
import { mustBeUnchanged } from './file-identity.ts';
import type { InputTable } from './input-table.ts';
import type { LocalParts } from './paired-parts.ts';
import type { BatchManifest, Part } from './part-manifest.ts';
import type { RemoteOutput } from './remote-output.ts';
import type { BatchContext, BatchOptions, BatchSummary } from './start-batch.ts';

/** A job that is resolved: its spec, its input, its version. */
export interface ResolvedJob {
  readonly id: string;
  readonly spec: BatchSpec;
  readonly scored: ScoredVersion;
  readonly opened: InputTable;
  readonly workers: number;
  /** null: the output is a folder of this machine. */
  readonly output: RemoteOutput | null;
}

/** A committed job, and its parts as long as they are on this machine. */
export interface FinishedJob {
  readonly summary: BatchSummary;
  /** null: they are in an object store alone. */
  readonly local: LocalParts | null;
  /** Time of the run, ms; null: the output was there already. */
  readonly ms: number | null;
  /** Removes parts that are uploaded. */
  readonly drop: () => void;
}

/** The output folder of a job on this machine; that of a remote output holds its parts until they are uploaded. */
export function localFolderOf({ output }: ResolvedJob, to: string, { outgoing }: BatchContext): string {
  return output === null ? resolve(to) : join(outgoing, output.name);
}

/** Runs what is not published yet of a job, and commits it. Errors: PREDICT_*, MODEL_*, REMOTE_*, JOB_CANCELLED. */
export async function runJob(job: ResolvedJob, options: BatchOptions, context: BatchContext): Promise<FinishedJob> {
  const { id, output } = job;
  const { to, replace = false } = options;
  const folder = localFolderOf(job, to, context);
  const begun = context.monotonic();
  const localOf = ({ folder: name, parts }: BatchManifest): LocalParts => ({ jobPath: join(folder, name), parts });
  if (output === null) {
    const { manifest, isNew } = await runInFolder(job, { ...options, to: folder, replace }, context);
    const ms = isNew ? context.monotonic() - begun : null;
    return { summary: finished(manifest, folder, isNew), local: localOf(manifest), ms, drop: () => undefined };
  }
  const before = await output.open(id, replace);
  if (before.manifest?.job === id && (await output.isWhole(before.manifest)))
    return { summary: finished(before.manifest, output.url, false), local: null, ms: null, drop: () => undefined };
  // The parts wait there until they are uploaded; the folder is of this output alone.
  const { manifest } = await runInFolder(job, { ...options, to: folder, replace: true }, context);
  await output.publish(manifest, folder, before);
  const drop = () => rmSync(folder, { recursive: true, force: true });
  return {
    summary: finished(manifest, output.url, true),
    local: localOf(manifest),
    ms: context.monotonic() - begun,
    drop,
  };
}

interface CommittedJob {
  readonly manifest: BatchManifest;
  readonly isNew: boolean;
}

async function runInFolder(job: ResolvedJob, options: FolderOptions, context: BatchContext): Promise<CommittedJob> {
  const { id, spec, opened } = job;
  const { to: path, replace } = options;
  const before = existsSync(path) ? readBatchManifest(path) : null;
  if (before?.job === id && isWhole(path, before)) return { manifest: before, isNew: false };
  const folder = BatchFolder.claim(path, id, replace);
  // A run that was closed may have committed meanwhile.
  const committed = readBatchManifest(path);
  if (committed?.job === id && isWhole(path, committed)) return { manifest: committed, isNew: false };
  writeDurably(join(folder.jobPath, 'spec.json'), `${JSON.stringify(spec, null, 1)}\n`);
  const parts = await scoredParts(job, folder, options, context);
  if (opened.identity !== null) mustBeUnchanged(opened.identity);
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
  return { manifest, isNew: true };
}

async function scoredParts(
  { id, spec, scored, opened, workers }: ResolvedJob,
  folder: BatchFolder,
  options: FolderOptions,
  { program, monotonic, files, scores, openVersions }: BatchContext,
): Promise<readonly Part[]> {
  const { engine = false, runTimeoutMs = timeoutOf(scored), signal, onProgress = () => undefined, onEngine } = options;
  const { onWorker = () => undefined } = options;
  const shared = { spec, job: id, folder, scored, table: opened.table, monotonic, onProgress };
  if (!engine) {
    const { identity } = opened;
    return new BatchRun({
      ...shared,
      identity,
      program,
      workers,
      runTimeoutMs,
      onWorker,
      signal: signal ?? null,
    }).parts();
  }
  const found = scores();
  if (typeof found === 'string') throw fail('PREDICT_ENGINE', { kind: found });
  const model = await engineModel(scored, openVersions);
  return runByEngine({
    ...shared,
    engine: found,
    files,
    model,
    signal: signal ?? null,
    onEngine: onEngine ?? (() => undefined),
  });
}

interface FolderOptions extends BatchOptions {
  readonly replace: boolean;
}

const RUN_TIMEOUT_MS = 120_000;

/** A Python program has its own limit of time for a run, and its worker may have to start again within one. */
const PYTHON_TIMEOUT_MS = 600_000;

function timeoutOf({ foreign }: ScoredVersion): number {
  return foreign !== null && foreign.onnx === null ? PYTHON_TIMEOUT_MS : RUN_TIMEOUT_MS;
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
    files: parts.flatMap(({ output }) => (output === null ? [] : [`${path}/${folder}/${output.file}`])),
    isNew,
  };
}
