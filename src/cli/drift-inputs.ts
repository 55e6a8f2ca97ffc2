import { readFileSync } from 'node:fs';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { decodeWhylogsProfile } from '../monitoring/interop/whylogs-profile.ts';
import type { Profile } from '../monitoring/profile/profile.ts';
import { decodeProfile, isProfile } from '../monitoring/profile/profile-bytes.ts';
import type { TableFile } from '../ports/table-file.ts';

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
  const { openTableFile } = await import('../compose/table-files.ts');
  return { kind: 'table', path, table: await openTableFile(path) };
}

/** The profile of an input; a table is read once. */
export async function profileOf(input: DriftInput, like: Profile | null): Promise<Profile> {
  if (input.kind === 'profile') return input.profile;
  const { profileTableFile } = await import('../monitoring/profile/profile-table.ts');
  return profileTableFile(input.table, like);
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
