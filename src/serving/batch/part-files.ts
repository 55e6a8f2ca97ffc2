import { renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../../files/sync-folder.ts';
import { SPEC_FORMAT } from './batch-spec.ts';
import { publishFirst, readIfThere, sha256OfFile, writeDurably, writing } from './durable-file.ts';
import { type Part, type PartManifest, parseBatchFile, partManifestSchema } from './part-manifest.ts';
import type { Rejection } from './score-range.ts';

/** The published facts of a partition's file. */
type Listed = NonNullable<Part['output']>;

const DIGITS = 6;

function numbered(index: number): string {
  return String(index).padStart(DIGITS, '0');
}

/** Where an attempt writes a file before it is published. */
export function scratchFile(jobPath: string, index: number, attempt: string, ending: string): string {
  return join(jobPath, 'tmp', `${numbered(index)}.${attempt}.${ending}`);
}

/** Names a written file by its content: attempts with the same result write the same file. Errors: PREDICT_FULL, PREDICT_WRITE. */
export async function listFile(jobPath: string, scratch: string, index: number, ending: string): Promise<Listed> {
  const sha256 = await sha256OfFile(scratch);
  const file = `part-${numbered(index)}-${sha256.slice(0, 16)}${ending}`;
  const { size: sizeBytes } = statSync(scratch);
  writing(file, () => renameSync(scratch, join(jobPath, file)));
  return { file, sizeBytes, sha256 };
}

/** A rejected row: its number in the input, and its features by name. */
export interface RejectedRow extends Rejection {
  readonly row: number;
  /** NaN: missing. */
  readonly features: readonly (number | bigint | string)[];
}

/** Writes the rejected rows of a partition; null: there are none. Errors: PREDICT_FULL, PREDICT_WRITE. */
export async function listQuarantine(
  jobPath: string,
  { index, attempt }: { readonly index: number; readonly attempt: string },
  names: readonly string[],
  rejected: readonly RejectedRow[],
): Promise<Listed | null> {
  if (rejected.length === 0) return null;
  const lines = rejected
    .toSorted((a, b) => a.row - b.row)
    .map(({ row, code, reason, features }) => {
      const values = names.map((name, i) => [name, jsonCell(features[i])]);
      return `${JSON.stringify({ row, code, reason, features: Object.fromEntries(values) })}\n`;
    });
  const path = scratchFile(jobPath, index, attempt, 'quarantine');
  writeDurably(path, lines.join(''));
  return listFile(jobPath, path, index, '.quarantine.jsonl');
}

/** Publishes a part; gives the part that counts: this one, or the one that was first. Errors: PREDICT_*. */
export function publishPart(jobPath: string, facts: Omit<PartManifest, 'format'>): Part {
  // The names of its files are durable before a manifest lists them.
  syncFolder(jobPath);
  const { part, attempt } = facts;
  const manifest: PartManifest = { format: SPEC_FORMAT, ...facts };
  const scratch = scratchFile(jobPath, part.partition, attempt, 'json');
  const path = join(jobPath, 'parts', `${numbered(part.partition)}.json`);
  writeDurably(scratch, `${JSON.stringify(manifest)}\n`);
  const isFirst = publishFirst(scratch, path);
  rmSync(scratch, { force: true });
  return isFirst ? part : parseBatchFile(partManifestSchema, readIfThere(path) ?? '', path).part;
}

function jsonCell(value: number | bigint | string): number | string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return BigInt(Number(value)) === value ? Number(value) : String(value);
  if (Number.isNaN(value)) return null;
  return Number.isFinite(value) ? value : String(value);
}
