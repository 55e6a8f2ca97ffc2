import { globSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import type { InputSet, ScoreFormat } from '../../ports/score-files.ts';
import { type FolderValue, folderColumnsOf, folderValues } from './folder-columns.ts';

/** Each file is a part of one query. */
const MOST_FILES = 10_000;

const PATTERN = /[*?[\]{}]/;

const ENDINGS: readonly (readonly [RegExp, ScoreFormat])[] = [
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.csv(\.gz|\.zst)?$/i, 'csv'],
  [/\.tsv(\.gz|\.zst)?$/i, 'tsv'],
  [/\.(jsonl|ndjson)(\.gz|\.zst)?$/i, 'jsonl'],
];

/**
 * Finds the files of an input: files, folders with all that is below them, and patterns, in this order and each by its path. Names that
 * begin with `_` or `.` are left out below folders and of patterns, as Spark does. A file that is named twice is read once.
 * Errors: PREDICT_EMPTY, PREDICT_FORMAT, PREDICT_MIXED, PREDICT_SCHEMA, PREDICT_FILES.
 */
export function inputFiles(asked: readonly string[], format: ScoreFormat | null): InputSet {
  const found = new Map<string, FoundFile>();
  for (const one of asked) {
    const files = filesAt(one);
    if (files.length === 0) throw fail('PREDICT_EMPTY', { path: one });
    for (const file of files) if (!found.has(file.path)) found.set(file.path, file);
    if (found.size > MOST_FILES) throw fail('PREDICT_FILES', { files: found.size, most: MOST_FILES });
  }
  const files = [...found.values()];
  const folderColumns = folderColumnsOf(files);
  return {
    format: format ?? formatOf(files),
    files: files.map(({ path, folders }) => ({ path, folders: folders.map(({ value }) => value) })),
    folderColumns,
  };
}

interface FoundFile {
  readonly path: string;
  readonly folders: readonly FolderValue[];
}

function filesAt(asked: string): readonly FoundFile[] {
  const path = resolve(asked);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return filesBelow(path);
  // A name that is there stands for itself; one that is absent is refused when it is opened.
  if (stats !== undefined || !PATTERN.test(asked)) return [{ path, folders: [] }];
  const names = globSync(asked).map((name) => resolve(name));
  const isFile = (one: string) => statSync(one, { throwIfNoEntry: false })?.isFile() === true;
  return names
    .filter((one) => !isSkipped(basename(one)) && isFile(one))
    .sort(compareText)
    .map((one) => ({ path: one, folders: folderValues(isAbsolute(asked) ? one : relative(resolve(), one)) }));
}

function filesBelow(root: string): readonly FoundFile[] {
  const paths: string[] = [];
  const seen = new Set<string>();
  const walk = (folder: string) => {
    // A link to a folder above would have no end.
    const real = realpathSync(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of readdirSync(folder)) {
      if (isSkipped(name)) continue;
      const path = join(folder, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats?.isDirectory() === true) walk(path);
      else paths.push(path);
    }
  };
  walk(root);
  return paths.sort(compareText).map((path) => ({ path, folders: folderValues(relative(root, path)) }));
}

/** As Spark leaves files out; a folder such as `_day=3` is a value. */
function isSkipped(name: string): boolean {
  return name.startsWith('.') || (name.startsWith('_') && !name.includes('='));
}

function formatOf(files: readonly FoundFile[]): ScoreFormat {
  const formats = files.map(({ path }) => {
    const format = ENDINGS.find(([ending]) => ending.test(path))?.[1];
    if (format === undefined) throw fail('PREDICT_FORMAT', { path });
    return format;
  });
  const other = formats.findIndex((format) => format !== formats[0]);
  if (other === -1) return formats[0];
  const facts = { path: files[other].path, format: formats[other], first: files[0].path, other: formats[0] };
  throw fail('PREDICT_MIXED', facts);
}
