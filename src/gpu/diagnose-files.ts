import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { type DiagnoseOptions, diagnose, type Refusal } from './diagnose.ts';
import type { Diagnosis } from './diagnosis.ts';
import { readSource } from './readers/read-source.ts';
import type { Source } from './source.ts';

/** Files that were read, and those that could not be. */
export interface ReadSources {
  readonly sources: readonly Source[];
  readonly refused: readonly Refusal[];
}

/** Diagnoses files. Errors: GPU_NO_DATA, those of the files. */
export async function diagnoseFiles(paths: readonly string[], options: DiagnoseOptions): Promise<Diagnosis> {
  const { sources, refused } = await readSources(paths);
  return diagnose(sources, refused, options);
}

/** Reads what can be read; one file alone that cannot be is an error. */
export async function readSources(paths: readonly string[]): Promise<ReadSources> {
  const sources: Source[] = [];
  const refused: Refusal[] = [];
  for (const path of paths) {
    try {
      sources.push(await readSource(path));
    } catch (error) {
      if (!isHeadraceError(error) || paths.length === 1) throw error;
      refused.push({ path, code: error.code, message: error.message });
    }
  }
  if (sources.length === 0) throw fail('GPU_NO_DATA', { reason: `${refused.length} files, none of which can be read` });
  return { sources, refused };
}
