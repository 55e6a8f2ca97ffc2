import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import { moveDurably, publishFirst, readIfThere, writeDurably, writing } from './durable-file.ts';
import {
  type BatchManifest,
  batchManifestSchema,
  type Part,
  parseBatchFile,
  partManifestSchema,
} from './part-manifest.ts';

const MANIFEST = '_MANIFEST.json';
const RUNS = '_runs';
const CLOSED = 'closed\n';

/** The manifest of an output folder; null: no job has committed there. Error: PREDICT_MANIFEST. */
export function readBatchManifest(folder: string): BatchManifest | null {
  const path = join(folder, MANIFEST);
  const text = readIfThere(path);
  return text === null ? null : parseBatchFile(batchManifestSchema, text, path);
}

/** Whether every file that a manifest lists is there, with its size. */
export function isWhole(
  folder: string,
  { folder: jobFolder, parts }: Pick<BatchManifest, 'folder' | 'parts'>,
): boolean {
  return parts.every((part) => hasFiles(join(folder, jobFolder), part));
}

function hasFiles(jobPath: string, { output, quarantine }: Part): boolean {
  return [output, quarantine].every(
    (listed) =>
      listed === null || statSync(join(jobPath, listed.file), { throwIfNoEntry: false })?.size === listed.sizeBytes,
  );
}

/** The folder of a job's files, in its output folder. */
export function jobFolderName(job: string): string {
  return `job-${job}`;
}

/**
 * An output folder, claimed by one run of a job. Runs are numbered. Each number ends once, by an exclusive link: either its run
 * commits, or a later run closes it. So a run that was stopped and wakes up late cannot commit over a later one.
 *
 * ```
 * <folder>/_MANIFEST.json             the committed job
 * <folder>/_runs/<n>.claim            run n exists
 * <folder>/_runs/<n>.commit           the manifest that run n wants to commit; renamed to _MANIFEST.json
 * <folder>/_runs/<n>.end              how run n ended: its manifest, or "closed"
 * <folder>/job-<id>/parts/<p>.json    the manifest of partition p: the first that was linked
 * <folder>/job-<id>/part-<p>-<sha256>.parquet, .quarantine.jsonl
 * ```
 */
export class BatchFolder {
  readonly path: string;
  readonly job: string;
  /** Number of the run. */
  readonly run: number;

  private constructor(path: string, job: string, run: number) {
    this.path = path;
    this.job = job;
    this.run = run;
  }

  /**
   * Claims a folder for a run of a job; earlier runs that have not ended can no longer commit.
   * Errors: PREDICT_FOLDER, PREDICT_OUTPUT, PREDICT_FULL, PREDICT_WRITE.
   */
  static claim(path: string, job: string, replace: boolean): BatchFolder {
    refuseForeign(path);
    const runs = join(path, RUNS);
    writing(runs, () => mkdirSync(runs, { recursive: true }));
    const run = nextRun(runs, job);
    for (let earlier = 1; earlier < run; earlier += 1) closeRun(path, earlier, run);
    const committed = readBatchManifest(path);
    if (committed !== null && committed.job !== job && !replace)
      throw fail('PREDICT_OUTPUT', { path, job: committed.job });
    const folder = new BatchFolder(path, job, run);
    for (const name of [folder.partsPath, folder.scratchPath])
      writing(name, () => mkdirSync(name, { recursive: true }));
    return folder;
  }

  get jobPath(): string {
    return join(this.path, jobFolderName(this.job));
  }

  get partsPath(): string {
    return join(this.jobPath, 'parts');
  }

  /** For what attempts write before it is published. */
  get scratchPath(): string {
    return join(this.jobPath, 'tmp');
  }

  /** The published parts, by partition. A part whose files were deleted or cut is no longer published. Error: PREDICT_MANIFEST. */
  parts(): Map<number, Part> {
    const found = new Map<number, Part>();
    for (const { part, path } of listedParts(this.partsPath, this.job))
      if (hasFiles(this.jobPath, part)) found.set(part.partition, part);
      else rmSync(path);
    return found;
  }

  /** Whether a later run has closed this one. */
  get isFenced(): boolean {
    return existsSync(this.#run('end'));
  }

  /** Commits the job: one rename, after which readers see all of it. Errors: PREDICT_FENCED, PREDICT_FULL, PREDICT_WRITE. */
  commit(manifest: BatchManifest): void {
    const wanted = this.#run('commit');
    writeDurably(wanted, `${JSON.stringify(manifest, null, 1)}\n`);
    if (!publishFirst(wanted, this.#run('end'))) throw fail('PREDICT_FENCED', { path: this.path });
    // A later run may have done it for this one.
    moveDurably(wanted, join(this.path, MANIFEST));
  }

  /** Removes files of finished attempts of a committed job, and of all jobs but this one and the previous one. */
  clear(before: string | null): void {
    rmSync(this.scratchPath, { recursive: true, force: true });
    const kept = new Set([this.job, before ?? this.job].map(jobFolderName));
    for (const name of readdirSync(this.path))
      if (name.startsWith('job-') && !kept.has(name)) rmSync(join(this.path, name), { recursive: true, force: true });
  }

  #run(what: 'commit' | 'end'): string {
    return join(this.path, RUNS, `${this.run}.${what}`);
  }
}

/** The published parts of a job in an output folder, complete or not. Error: PREDICT_MANIFEST. */
export function publishedParts(
  folder: string,
  job: string,
): { readonly jobPath: string; readonly parts: readonly Part[] } {
  const jobPath = join(folder, jobFolderName(job));
  const path = join(jobPath, 'parts');
  const listed = existsSync(path) ? [...listedParts(path, job)] : [];
  return { jobPath, parts: listed.map(({ part }) => part).filter((part) => hasFiles(jobPath, part)) };
}

function* listedParts(folder: string, wanted: string): Generator<{ readonly part: Part; readonly path: string }> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const { job, part } = parseBatchFile(partManifestSchema, readIfThere(path) ?? '', path);
    if (job !== wanted) throw fail('PREDICT_MANIFEST', { path, reason: `it is of job ${job}` });
    yield { part, path };
  }
}

function refuseForeign(path: string): void {
  if (!existsSync(path)) return;
  let names: readonly string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    throw fail('PREDICT_FOLDER', { path, reason: 'it is a file' }, error);
  }
  if (names.length > 0 && !names.includes(RUNS))
    throw fail('PREDICT_FOLDER', { path, reason: `it contains "${names[0]}"` });
}

function nextRun(runs: string, job: string): number {
  const numbers = readdirSync(runs).map((name) => Number.parseInt(name, 10));
  for (let run = Math.max(0, ...numbers.filter(Number.isInteger)) + 1; ; run += 1) {
    const path = join(runs, `${run}.claim`);
    try {
      writeFileSync(path, `${job}\n`, { flag: 'wx' });
      syncFolder(runs);
      return run;
    } catch (error) {
      if (existsSync(path)) continue;
      writing(path, () => {
        throw error;
      });
    }
  }
}

/** Ends an earlier run that has not ended, and completes the rename of one that has committed. */
function closeRun(path: string, earlier: number, by: number): void {
  const end = join(path, RUNS, `${earlier}.end`);
  if (!existsSync(end)) {
    const closing = join(path, RUNS, `${earlier}.closed-by-${by}`);
    writeDurably(closing, CLOSED);
    publishFirst(closing, end);
    rmSync(closing, { force: true });
  }
  const wanted = join(path, RUNS, `${earlier}.commit`);
  if (!existsSync(wanted)) return;
  if (readIfThere(end) === CLOSED) rmSync(wanted, { force: true });
  else moveDurably(wanted, join(path, MANIFEST));
}
