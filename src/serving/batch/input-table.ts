import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { sha256Hex } from '../../base/hash/sha256.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { SpineOptions } from '../../featurestore/training-set/spine.ts';
import type { ScoreFiles, ScoreFormat, ScoreTable } from '../../ports/score-files.ts';
import type { BatchSpec } from './batch-spec.ts';
import { sha256OfFile } from './durable-file.ts';
import { type FileIdentity, identityOf, mustBeUnchanged } from './file-identity.ts';
import { type InputCopy, openCopy } from './input-copy.ts';

/** Joins the features of spines. */
export interface SpineJoin {
  /** The state of the history that features of a service are joined from, as text: the same text, the same features. */
  position(service: FeatureServiceData): Promise<string>;
  /** Writes the rows of a spine with their features as Parquet. Errors: SPINE_*, those of the history. */
  join(service: FeatureServiceData, spine: SpineOptions, mode: ReadMode, path: string): Promise<void>;
}

export interface InputOptions {
  readonly path: string;
  /** Whether the file is a copy that nobody else writes. */
  readonly isOwn: boolean;
  readonly format: ScoreFormat | null;
  /** The rows are requests of the model's service; null: they are features. */
  readonly spine: { readonly options: Omit<SpineOptions, 'path' | 'format'>; readonly mode: ReadMode } | null;
  readonly service: FeatureServiceData;
  /** Columns that the model reads, in the order of its features. */
  readonly features: readonly string[];
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
  /** The copy; null: the input itself is read. */
  readonly copy: InputCopy | null;
}

const ENDINGS: readonly (readonly [RegExp, ScoreFormat])[] = [
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.csv(\.gz)?$/i, 'csv'],
  [/\.tsv(\.gz)?$/i, 'tsv'],
  [/\.(jsonl|ndjson)(\.gz)?$/i, 'jsonl'],
];

/** The columns that an output has of its own. */
const OWN_COLUMNS = ['_row', 'score', 'model_version', 'artifact_digest', 'job_id'] as const;

/**
 * Opens the input of a job. A Parquet file of features is read where it is; any other input is copied as Parquet first, under a
 * name that says what is in it, so that a job that resumes does not copy it again.
 * Errors: PREDICT_FORMAT, PREDICT_INPUT, PREDICT_CHANGED, PREDICT_NAME, SPINE_*.
 */
export async function openInput(options: InputOptions): Promise<InputTable> {
  const { path, isOwn, spine, files, features } = options;
  const fileFormat = options.format ?? ENDINGS.find(([ending]) => ending.test(path))?.[1];
  if (fileFormat === undefined) throw fail('PREDICT_FORMAT', { path });
  const identity = identityOf(path);
  const sha256 = await sha256OfFile(path);
  const isCopied = spine !== null || fileFormat !== 'parquet';
  const copy = isCopied ? await copied(options, fileFormat, sha256) : null;
  try {
    if (!isOwn) mustBeUnchanged(identity);
    const tablePath = copy?.path ?? path;
    const { rows, columns } = await files.describe(tablePath, 'parquet');
    return {
      input: {
        kind: spine === null ? 'rows' : 'spine',
        fileFormat,
        sha256,
        sizeBytes: identity.sizeBytes,
        rows,
        ...(spine === null || copy === null
          ? {}
          : { joined: { sha256: await sha256OfFile(copy.path), service: serviceName(options), mode: spine.mode } }),
      },
      table: { path: tablePath, features, keep: keptColumns(options, columns) },
      identity: copy === null && !isOwn ? identity : null,
      copy,
    };
  } catch (error) {
    copy?.close(false);
    throw error;
  }
}

/** `name@version` of a service. */
function serviceName({ service: { name, version } }: InputOptions): string {
  return `${name}@${version}`;
}

/** The copy is there whole, or not at all. */
async function copied(options: InputOptions, format: ScoreFormat, sha256: string): Promise<InputCopy> {
  const { path, spine, files, joins, scratch, service } = options;
  const parts = [sha256, format];
  if (spine !== null) parts.push(serviceName(options), JSON.stringify(spine), await joins.position(service));
  return openCopy(join(scratch, `${sha256Hex(parts.join('\n')).slice(0, 32)}.parquet`), (copy) =>
    spine === null
      ? files.stage(path, format, copy)
      : joins.join(service, { ...spine.options, path, format }, spine.mode, copy),
  );
}

function keptColumns({ path, keep, features, service }: InputOptions, columns: readonly string[]): readonly string[] {
  const lists = features.map((name) => name.replace(/\[\d{1,9}\]$/, ''));
  const fed = new Set([...features, ...lists, ...service.features.map(({ name }) => name)]);
  const kept = keep ?? columns.filter((name) => !fed.has(name));
  const own = new Set<string>(OWN_COLUMNS);
  const seen = new Set<string>();
  for (const name of kept) {
    const known = name.toLowerCase();
    if (own.has(known) || seen.has(known)) throw fail('PREDICT_NAME', { path, column: name });
    seen.add(known);
  }
  return kept;
}
