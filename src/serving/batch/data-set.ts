import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import type { ScoredForm } from '../../ports/score-files.ts';
import { batchSpecSchema, SPEC_FORMAT } from './batch-spec.ts';
import { readIfThere, writeDurably, writing } from './durable-file.ts';
import { parseBatchFile } from './part-manifest.ts';
import { isRemote } from './remote-side.ts';
import { type FinishedJob, type ResolvedJob, runJob } from './run-job.ts';
import type { BatchContext, BatchOptions } from './start-batch.ts';

/** How the output of a job is written as a data set. */
export interface DataSetOptions extends ScoredForm {
  /** Replaces the data set of another job. */
  readonly overwrite: boolean;
}

/** Facts of a data set; readers leave out files whose names begin with `_`. */
const FACTS = '_headrace.json';

/** Spark and others write it, empty, when a data set is whole. */
const SUCCESS = '_SUCCESS';

/** The columns of an output that say what scored it. */
const STAMP = ['model_version', 'artifact_digest', 'job_id'];

const whole = z.int().min(0);

const factsSchema = z.strictObject({
  format: z.literal(SPEC_FORMAT),
  job: z.string(),
  form: z.strictObject({ format: z.enum(['parquet', 'csv', 'jsonl']), partitionBy: z.string().nullable() }),
  spec: batchSpecSchema,
  rows: whole,
  quarantined: whole,
  /** Below the folder, in the order of the rows. */
  files: z.array(z.strictObject({ path: z.string(), sizeBytes: whole })),
});

type Facts = z.output<typeof factsSchema>;

/**
 * Runs a job whose output is a data set: a folder that appears whole, by one rename, and that other programs read as it is.
 *
 * ```
 * <folder>/part-00000.parquet, …          or <column>=<value>/part-00000.parquet; .csv, .jsonl
 * <folder>/_quarantine/part-00000.ndjson  rejected rows
 * <folder>/_headrace.json, _SUCCESS
 * <parent>/.<folder>.headrace/            until then: the parts of the job, which a later run resumes
 * ```
 *
 * Errors: those of {@link runJob}, PREDICT_OUT, PREDICT_PARTITION.
 */
export async function runDataSet(
  job: ResolvedJob,
  dataSet: DataSetOptions,
  options: BatchOptions,
  context: BatchContext,
): Promise<FinishedJob> {
  if (isRemote(options.to)) throw refuse(options.to, 'it is in an object store');
  const path = resolve(options.to);
  mustHaveColumn(job, dataSet);
  mustBeApart(path, job.opened.files, [options.from].flat());
  const before = publishedFacts(path);
  if (before !== null && isSame(before, job.id, dataSet) && isWhole(path, before))
    return published(path, before, false);
  mustBeReplaceable(path, before, job.id, dataSet);
  const work = join(dirname(path), `.${basename(path)}.headrace`);
  writing(work, () => mkdirSync(work, { recursive: true }));
  const done = await runJob(job, { ...options, to: join(work, 'job'), replace: true }, context);
  const fresh = join(work, `new-${process.pid}`);
  const facts = await written(job, done, dataSet, fresh, context);
  publish(fresh, path, facts, { work, dataSet });
  const { summary } = published(path, facts, true);
  return { ...done, summary, drop: () => rmSync(work, { recursive: true, force: true }) };
}

/** Writes the data set of a committed job into a new folder. */
async function written(
  { id, spec }: ResolvedJob,
  { local, summary }: FinishedJob,
  { format, partitionBy }: DataSetOptions,
  folder: string,
  { files: scoreFiles }: BatchContext,
): Promise<Facts> {
  rmSync(folder, { recursive: true, force: true });
  writing(folder, () => mkdirSync(folder, { recursive: true }));
  if (local === null) throw new Error('the parts of a local job are on this machine');
  const files: string[] = [];
  const isAsIs = format === 'parquet' && partitionBy === null;
  for (const { partition, output, quarantine } of local.parts) {
    const name = `part-${String(partition).padStart(5, '0')}`;
    if (quarantine !== null) put(join(local.jobPath, quarantine.file), join(folder, '_quarantine', `${name}.ndjson`));
    if (output === null) continue;
    const from = join(local.jobPath, output.file);
    if (!isAsIs) files.push(...(await scoreFiles.reshape(from, { format, partitionBy }, folder, name)));
    else files.push(put(from, join(folder, `${name}.parquet`)));
  }
  const facts: Facts = {
    format: SPEC_FORMAT,
    job: id,
    form: { format, partitionBy },
    spec,
    rows: spec.input.rows - summary.quarantined,
    quarantined: summary.quarantined,
    files: files.map((file) => ({ path: file, sizeBytes: statSync(join(folder, file)).size })),
  };
  writeDurably(join(folder, FACTS), `${JSON.stringify(facts, null, 1)}\n`);
  writeDurably(join(folder, SUCCESS), '');
  for (const name of new Set(files.map(dirname))) syncFolder(join(folder, name));
  syncFolder(folder);
  return facts;
}

/** Gives a written file another name, or copies it where the file system has no links; gives its last name. */
function put(from: string, to: string): string {
  writing(to, () => {
    mkdirSync(dirname(to), { recursive: true });
    try {
      linkSync(from, to);
    } catch {
      copyFileSync(from, to);
    }
  });
  return basename(to);
}

interface Publishing {
  readonly work: string;
  readonly dataSet: DataSetOptions;
}

/** One rename. Another run of the same job may have been first. Error: PREDICT_OUT. */
function publish(fresh: string, path: string, facts: Facts, { work, dataSet }: Publishing): void {
  const before = publishedFacts(path);
  if (before !== null && isSame(before, facts.job, dataSet) && isWhole(path, before)) return;
  mustBeReplaceable(path, before, facts.job, dataSet);
  const old = join(work, `old-${process.pid}`);
  rmSync(old, { recursive: true, force: true });
  writing(path, () => {
    if (existsSync(path)) renameSync(path, old);
    renameSync(fresh, path);
  });
  syncFolder(dirname(path));
}

/** Error: PREDICT_OUT, unless the folder is absent, empty, or a data set that may be replaced. */
function mustBeReplaceable(path: string, before: Facts | null, job: string, dataSet: DataSetOptions): void {
  const { overwrite } = dataSet;
  // Files of the same data set were deleted or cut.
  if (before !== null && isSame(before, job, dataSet)) return;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw refuse(path, 'it is a file');
  const names = readdirSync(path);
  if (names.length === 0) return;
  // Only what a job of this or another program wrote as a data set is removed.
  if (overwrite && (before !== null || names.includes(SUCCESS))) return;
  if (before !== null) throw refuse(path, `it has the data set of job ${before.job}`);
  throw refuse(path, `it has '${names[0]}'${overwrite ? ', and no _SUCCESS of a data set' : ''}`);
}

/** Before a row is scored. Error: PREDICT_PARTITION. */
function mustHaveColumn({ spec, opened }: ResolvedJob, { partitionBy }: ScoredForm): void {
  const columns = ['_row', ...opened.table.keep, ...(spec.model.outputs ?? ['score']), ...STAMP];
  if (partitionBy !== null && !columns.includes(partitionBy))
    throw fail('PREDICT_PARTITION', { column: partitionBy, reason: `the output has ${columns.join(', ')}` });
}

/** A job that wrote into its own input would be another job the next time. Error: PREDICT_OUT. */
function mustBeApart(path: string, files: readonly string[], from: readonly string[]): void {
  const inside = files.find((file) => file.startsWith(`${path}${sep}`));
  if (inside !== undefined) throw refuse(path, `it has the input ${inside}`);
  const around = from.find((one) => path === resolve(one) || path.startsWith(`${resolve(one)}${sep}`));
  if (around !== undefined) throw refuse(path, `it is in the input ${around}`);
}

function publishedFacts(path: string): Facts | null {
  const file = join(path, FACTS);
  const text = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? readIfThere(file) : null;
  return text === null ? null : parseBatchFile(factsSchema, text, file);
}

function isSame({ job, form }: Facts, id: string, { format, partitionBy }: ScoredForm): boolean {
  return job === id && form.format === format && form.partitionBy === partitionBy;
}

function isWhole(path: string, { files }: Facts): boolean {
  const isThere = ({ path: file, sizeBytes }: Facts['files'][number]) =>
    statSync(join(path, file), { throwIfNoEntry: false })?.size === sizeBytes;
  return existsSync(join(path, SUCCESS)) && files.every(isThere);
}

function published(path: string, { job, spec, quarantined, files }: Facts, isNew: boolean): FinishedJob {
  const { name, version, digest } = spec.model;
  const summary = {
    job,
    model: name,
    version,
    digest,
    path,
    rows: spec.input.rows,
    quarantined,
    files: files.map((file) => join(path, file.path)),
    isNew,
  };
  return { summary, local: null, ms: null, drop: () => undefined };
}

function refuse(path: string, reason: string): Error {
  return fail('PREDICT_OUT', { path, reason });
}
