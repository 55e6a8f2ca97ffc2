import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { decodeWhylogsProfile } from '../../monitoring/interop/whylogs-profile.ts';
import type { Profile } from '../../monitoring/profile/profile.ts';
import { decodeProfile, isProfile } from '../../monitoring/profile/profile-bytes.ts';
import type { TableFile } from '../../ports/table-file.ts';
import type { Call } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';

/** A file that is compared: a table, or a profile of one. */
export type DriftInput =
  | { readonly kind: 'table'; readonly path: string; readonly table: TableFile }
  | { readonly kind: 'profile'; readonly path: string; readonly profile: Profile };

/** Opens a Parquet or CSV file, several of them (a glob, or commas between), a profile, or one of whylogs (`.bin`). Errors: DRIFT_FILE, DRIFT_PROFILE, DRIFT_WHYLOGS. */
export async function openDriftInput(path: string): Promise<DriftInput> {
  if (path.endsWith('.profile')) {
    const bytes = readBytes(path);
    if (!isProfile(bytes)) throw fail('DRIFT_PROFILE', { reason: `${path} does not start with HRDP` });
    return { kind: 'profile', path, profile: decodeProfile(bytes) };
  }
  if (path.endsWith('.bin')) return { kind: 'profile', path, profile: decodeWhylogsProfile(readBytes(path)) };
  const { openTableFile } = await import('../../site/table-files.ts');
  return { kind: 'table', path, table: await openTableFile(path) };
}

/** The profile of an input; a table is read once. */
export async function profileOf(input: DriftInput, like: Profile | null): Promise<Profile> {
  if (input.kind === 'profile') return input.profile;
  const { profileTableFile } = await import('../../monitoring/profile/profile-table.ts');
  return profileTableFile(input.table, like);
}

/** The profile of Parquet files by the engine of the environment. Errors: DRIFT_ENGINE, DRIFT_OPTION, SPARK_*. */
export async function profileByEngineOf(
  call: Call,
  path: string,
  like: Profile | null,
  ignore: readonly string[] = [],
): Promise<Profile> {
  const { profilesOf } = await import('../../site/back-ends/environment-back-ends.ts');
  const { profileByEngine } = await import('../../monitoring/profile/engine-profile.ts');
  if (!/\.parquet$|\*/.test(path))
    throw fail('DRIFT_OPTION', { option: 'engine', value: path, reason: 'an engine profiles Parquet files' });
  const engine = profilesOf((await loadConfig(call)).environment);
  if (typeof engine === 'string') throw fail('DRIFT_ENGINE', { kind: engine });
  return profileByEngine(engine, {
    files: path.split(',').map((file) => resolve(file)),
    ignore,
    like,
    onProgress: (text) => call.terminal.err(text),
  });
}

export async function closeInputs(inputs: readonly DriftInput[]): Promise<void> {
  for (const input of inputs) if (input.kind === 'table') await input.table.close();
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fail('DRIFT_FILE', { path, reason: reasonOf(error) }, error);
  }
}
