import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { SpineOptions } from '../../featurestore/training-set/spine.ts';
import type { InputSet, ScoreFiles, ScoreFormat, ScoreTable } from '../../ports/score-files.ts';
import type { BatchSpec } from './batch-spec.ts';
import { sha256OfFile } from './durable-file.ts';
import { type FileIdentity, identityOf, mustBeUnchanged } from './file-identity.ts';
import { type InputCopy, openCopy } from './input-copy.ts';
import { inputFiles } from './input-files.ts';

/** Joins the features of spines. */
export interface SpineJoin {
  /** The state of the history that features of a service are joined from, as text: the same text, the same features. */
  position(service: FeatureServiceData): Promise<string>;
  /** Writes the rows of a spine with their features as Parquet. Errors: SPINE_*, those of the history. */
  join(service: FeatureServiceData, spine: SpineOptions, mode: ReadMode, path: string): Promise<void>;
}

export interface InputOptions {
  /** Files, folders and patterns. */
  readonly paths: readonly string[];
  /** Whether they are one file, a copy that nobody else writes. */
  readonly isOwn: boolean;
  readonly format: ScoreFormat | null;
  /** The rows are requests of the model's service; null: they are features. */
  readonly spine: { readonly options: Omit<SpineOptions, 'path' | 'format'>; readonly mode: ReadMode } | null;
  /** null: the model is not declared. */
  readonly service: FeatureServiceData | null;
  /** Columns that the model reads, in the order of its features. */
  readonly features: readonly string[];
  /** Those of texts. */
  readonly texts: ReadonlySet<string>;
  /** Columns of the output that the model answers. */
  readonly answers: readonly string[];
  /** Columns to keep; null: those that are no features. */
  readonly keep: readonly string[] | null;
  readonly files: ScoreFiles;
  readonly joins: SpineJoin;
  /** For copies as Parquet. */
  readonly scratch: string;
}

/** The input of a job as a table whose rows are scored by ranges. */
export interface InputTable {
  readonly input: BatchSpec['input'];
  readonly table: ScoreTable;
  /** null: the table is a copy. */
  readonly identity: FileIdentity | null;
  /** The files that it is of. */
  readonly files: readonly string[];
  /** The copy; null: the input itself is read. */
  readonly copy: InputCopy | null;
}

/** The columns that an output has of its own. */
const OWN_COLUMNS = ['_row', 'model_version', 'artifact_digest', 'job_id'] as const;

/**
 * Opens the input of a job. One Parquet file of features is read where it is; any other input is copied as Parquet first, under a
 * name that says what is in it, so that a job that resumes does not copy it again.
 * Errors: PREDICT_EMPTY, PREDICT_FORMAT, PREDICT_MIXED, PREDICT_SCHEMA, PREDICT_INPUT, FILE_*, PREDICT_CHANGED, PREDICT_NAME, SPINE_*.
 */
export async function openInput(options: InputOptions): Promise<InputTable> {
  const { paths, isOwn, spine, files, features } = options;
  const set = inputFiles(paths, options.format);
  const identities = set.files.map(({ path }) => identityOf(path));
  const sha256 = await sha256OfSet(set);
  const isAlone = set.files.length === 1 && set.folderColumns.length === 0;
  const isCopied = spine !== null || set.format !== 'parquet' || !isAlone;
  const copy = isCopied ? await copied(options, set, sha256) : null;
  try {
    if (!isOwn) identities.forEach(mustBeUnchanged);
    const [{ path }] = set.files;
    const tablePath = copy?.path ?? path;
    const { rows, columns } = await files.describe(tablePath, 'parquet');
    return {
      input: {
        kind: spine === null ? 'rows' : 'spine',
        fileFormat: set.format,
        sha256,
        sizeBytes: identities.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        rows,
        ...(isAlone ? {} : { files: set.files.length }),
        ...(spine === null || copy === null
          ? {}
          : {
              joined: {
                sha256: await sha256OfFile(copy.path),
                service: serviceName(serviceOf(options)),
                mode: spine.mode,
              },
            }),
      },
      table: { path: tablePath, features, keep: keptColumns(options, path, columns) },
      identity: copy === null && !isOwn ? identities[0] : null,
      files: isOwn ? [] : set.files.map((file) => file.path),
      copy,
    };
  } catch (error) {
    copy?.close(false);
    throw error;
  }
}

/** Of a file alone its own; of a set that of its files, in order, with the values of their folders. */
async function sha256OfSet({ files, folderColumns }: InputSet): Promise<string> {
  const digests: string[] = [];
  for (const { path } of files) digests.push(await sha256OfFile(path));
  if (files.length === 1 && folderColumns.length === 0) return digests[0];
  const listed = files.map(({ folders }, i) => [digests[i], folders]);
  return sha256Hex(JSON.stringify([folderColumns.map(({ name, type }) => [name, type]), listed]));
}

/** `name@version` of a service. */
function serviceName({ name, version }: FeatureServiceData): string {
  return `${name}@${version}`;
}

/** The service that a spine gets its features from. Error: PREDICT_SPINE. */
function serviceOf({ service }: InputOptions): FeatureServiceData {
  if (service === null) throw fail('PREDICT_SPINE', { reason: 'only a declared model has a service of features' });
  return service;
}

/** The copy is there whole, or not at all. */
async function copied(options: InputOptions, set: InputSet, sha256: string): Promise<InputCopy> {
  const { spine, files, joins, scratch, texts } = options;
  const parts = [sha256, set.format];
  const copyAt = (name: readonly string[]) => join(scratch, `${sha256Hex(name.join('\n')).slice(0, 32)}.parquet`);
  if (spine === null) {
    if (texts.size > 0) parts.push(JSON.stringify([...texts]));
    return openCopy(copyAt(parts), (copy) => files.stage(set, texts, copy));
  }
  const service = serviceOf(options);
  parts.push(serviceName(service), JSON.stringify(spine), await joins.position(service));
  return openCopy(copyAt(parts), async (copy) => {
    const [{ path }] = set.files;
    const joinRows = (path: string, format: ScoreFormat) =>
      joins.join(service, { ...spine.options, path, format }, spine.mode, copy);
    if (set.files.length === 1 && set.folderColumns.length === 0) return joinRows(path, set.format);
    if (set.format !== 'parquet')
      throw fail('PREDICT_SPINE', { reason: `several files of a spine must be Parquet, and these are ${set.format}` });
    const staged = `${copy}.staged.parquet`;
    try {
      await files.stage(set, texts, staged);
      await joinRows(staged, 'parquet');
    } finally {
      rmSync(staged, { force: true });
    }
  });
}

function keptColumns(
  { keep, features, service, answers }: InputOptions,
  path: string,
  columns: readonly string[],
): readonly string[] {
  const lists = features.map((name) => name.replace(/\[\d{1,9}\]$/, ''));
  const served = service?.features.map(({ name }) => name) ?? [];
  const fed = new Set([...features, ...lists, ...served]);
  const kept = keep ?? columns.filter((name) => !fed.has(name));
  const seen = new Set<string>(OWN_COLUMNS);
  for (const name of [...answers, ...kept]) {
    const known = name.toLowerCase();
    if (seen.has(known)) throw fail('PREDICT_NAME', { path, column: name });
    seen.add(known);
  }
  return kept;
}
