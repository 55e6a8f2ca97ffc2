import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { ScoredVersion } from '../models/scored-version.ts';
import { BatchFolder, isWhole, jobFolderName, readBatchManifest } from './batch-folder.ts';
import { BatchRun } from './batch-run.ts';
import { type BatchSpec, SPEC_FORMAT } from './batch-spec.ts';
import { writeDurably } from './durable-file.ts';
import { engineModel } from './engine-model.ts';
import { runByEngine } from './engine-run.ts';
import { mustBeUnchanged } from './file-identity.ts';
import type { InputTable } from './input-table.ts';
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

/** Runs what is not published yet of a job, and commits it. Errors: PREDICT_*, MODEL_*, REMOTE_*, JOB_CANCELLED. */
export async function runJob(job: ResolvedJob, options: BatchOptions, context: BatchContext): Promise<BatchSummary> {
  const { id, output } = job;
  const { to, replace = false } = options;
  if (output === null) {
    const path = resolve(to);
    const { manifest, isNew } = await runInFolder(job, { ...options, to: path, replace }, context);
    return finished(manifest, path, isNew);
  }
  const before = await output.open(id, replace);
  if (before.manifest?.job === id && (await output.isWhole(before.manifest)))
    return finished(before.manifest, output.url, false);
  // The parts wait here until they are uploaded; the folder is of this output alone.
  const folder = join(context.outgoing, output.name);
  const { manifest } = await runInFolder(job, { ...options, to: folder, replace: true }, context);
  await output.publish(manifest, folder, before);
  return finished(manifest, output.url, true);
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
  { engine = false, runTimeoutMs = timeoutOf(scored), signal, onProgress = () => undefined, onEngine }: FolderOptions,
  { program, monotonic, files, scores, openVersions }: BatchContext,
): Promise<readonly Part[]> {
  const shared = { spec, job: id, folder, scored, table: opened.table, monotonic, onProgress };
  if (!engine) {
    const { identity } = opened;
    return new BatchRun({ ...shared, identity, program, workers, runTimeoutMs, signal: signal ?? null }).parts();
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
