import { sep } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { FolderColumn } from '../../ports/score-files.ts';

/** A value that a folder such as `year=2026` gives to all rows below it. */
export interface FolderValue {
  readonly name: string;
  /** null: the value is missing. */
  readonly value: string | null;
}

/** The value of a folder whose rows have none, as Hive, Spark and DuckDB write it. */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** The values of the folders of a path; the last name is that of the file. */
export function folderValues(path: string): readonly FolderValue[] {
  return path
    .split(sep)
    .slice(0, -1)
    .flatMap((name) => {
      const at = name.indexOf('=');
      if (at <= 0) return [];
      const value = unescaped(name.slice(at + 1));
      return [{ name: unescaped(name.slice(0, at)), value: value === NO_VALUE ? null : value }];
    });
}

/** The columns of folders, which all files must be in. Error: PREDICT_SCHEMA. */
export function folderColumnsOf(
  files: readonly { readonly path: string; readonly folders: readonly FolderValue[] }[],
): readonly FolderColumn[] {
  const [first] = files;
  const shown = (folders: readonly FolderValue[]) =>
    folders.map(({ name }) => `${name}=…`).join('/') || 'no such folder';
  for (const { path, folders } of files)
    if (shown(folders) !== shown(first.folders))
      throw fail('PREDICT_SCHEMA', {
        reason: `${path} is in ${shown(folders)}, and ${first.path} is in ${shown(first.folders)}`,
      });
  return first.folders.map(({ name }, i) => ({ name, type: typeOf(files.map(({ folders }) => folders[i].value)) }));
}

const TYPES: readonly (readonly [FolderColumn['type'], (value: string) => boolean])[] = [
  ['BIGINT', (value) => /^[+-]?\d{1,18}$/.test(value)],
  ['DOUBLE', (value) => /^[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})(e[+-]?\d{1,3})?$/i.test(value)],
  ['DATE', isDate],
];

/** The first type that all values have: whole numbers and dates as DuckDB and Spark read them, other numbers as Spark does. */
function typeOf(values: readonly (string | null)[]): FolderColumn['type'] {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return 'VARCHAR';
  return TYPES.find(([, fits]) => known.every(fits))?.[0] ?? 'VARCHAR';
}

function isDate(value: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(value)) return false;
  const at = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(value);
}

/** Undoes `%3A`; a text that is no such code stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
