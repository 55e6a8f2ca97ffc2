import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { fileDigest } from '../../files/file-digest.ts';

/** Format of manifest.json. */
export const CHECKPOINT_FORMAT = 1;

const manifestSchema = z.object({
  format: z.int().positive(),
  step: z.int().nonnegative(),
  /** Samples that training has consumed. */
  samples: z.int().nonnegative(),
  worldSize: z.int().positive(),
  /** Whether the program can load it with another number of ranks. */
  reshards: z.boolean().default(false),
  files: z
    .array(
      z.object({
        name: z.string().regex(/^(?!\.{1,2}$)[^/\\\0]+$/, 'not the name of a file of the checkpoint'),
        bytes: z.int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1),
});

export type CheckpointManifest = Readonly<z.output<typeof manifestSchema>>;

export interface Checkpoint {
  readonly path: string;
  readonly manifest: CheckpointManifest;
}

/** A checkpoint that was passed over, and why. */
export interface DamagedCheckpoint {
  readonly path: string;
  readonly reason: string;
}

const NAME = /^step-(\d{1,15})$/;

/**
 * The newest checkpoint whose files have the sizes and digests of its manifest. Those that do not are named, and the previous one
 * is taken. No pointer to the latest is read. `worldSize`: ranks that will load it.
 * Errors: CHECKPOINT_WORLD_SIZE, CHECKPOINT_NEWER (a format that this version does not know).
 */
export async function newestCheckpoint(
  folder: string,
  worldSize: number,
): Promise<{ readonly newest: Checkpoint | null; readonly damaged: readonly DamagedCheckpoint[] }> {
  const damaged: DamagedCheckpoint[] = [];
  for (const name of checkpointNames(folder)) {
    const path = join(folder, name);
    const checked = await checkCheckpoint(path);
    if ('reason' in checked) {
      damaged.push({ path, reason: checked.reason });
      continue;
    }
    const { manifest } = checked;
    if (manifest.worldSize !== worldSize && !manifest.reshards)
      throw fail('CHECKPOINT_WORLD_SIZE', { path, written: manifest.worldSize, asked: worldSize });
    return { newest: { path, manifest }, damaged };
  }
  return { newest: null, damaged };
}

/**
 * Finds newest checkpoints again and again, for a run that waits for instances: a checkpoint whose files have not changed since they
 * were digested is not read again.
 */
export class CheckpointCache {
  #key = '';
  #found: Awaited<ReturnType<typeof newestCheckpoint>> = { newest: null, damaged: [] };

  /** As `newestCheckpoint`. */
  async newest(folder: string, worldSize: number): ReturnType<typeof newestCheckpoint> {
    const key = `${worldSize} ${filesOf(folder)}`;
    if (key !== this.#key) {
      this.#found = await newestCheckpoint(folder, worldSize);
      // Read again, where files changed meanwhile.
      this.#key = key === `${worldSize} ${filesOf(folder)}` ? key : '';
    }
    return this.#found;
  }
}

/** Names, inodes, sizes and times of all files of checkpoints. */
function filesOf(folder: string): string {
  const paths = checkpointNames(folder).flatMap((name) => list(join(folder, name)).map((file) => join(name, file)));
  return paths
    .map((path) => {
      const facts = lstatSync(join(folder, path), { throwIfNoEntry: false });
      return `${path} ${facts?.ino} ${facts?.size} ${facts?.mtimeMs} ${facts?.ctimeMs}`;
    })
    .join('\n');
}

/** Names of the finished checkpoints of a folder, newest first. */
export function checkpointNames(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort((a, b) => stepOf(b) - stepOf(a));
}

export function stepOf(name: string): number {
  return Number(NAME.exec(name)?.[1] ?? Number.NaN);
}

/** Reads a checkpoint whole. Error: CHECKPOINT_NEWER. */
export async function checkCheckpoint(path: string): Promise<{ manifest: CheckpointManifest } | { reason: string }> {
  const manifest = readManifest(path);
  if ('reason' in manifest) return manifest;
  for (const { name, bytes, sha256 } of manifest.files) {
    const file = join(path, name);
    const facts = lstatSync(file, { throwIfNoEntry: false });
    if (facts === undefined) return { reason: `${name} is absent` };
    // A link could lead out of the directory, to bytes that somebody else changes.
    if (!facts.isFile()) return { reason: `${name} is no plain file` };
    if (facts.size !== bytes) return { reason: `${name} has ${facts.size} bytes, not ${bytes}` };
    if ((await fileDigest(file)) !== sha256) return { reason: `${name} has another SHA-256 than its manifest says` };
  }
  return { manifest };
}

function readManifest(path: string): CheckpointManifest | { reason: string } {
  let text: string;
  try {
    if (!lstatSync(path).isDirectory()) return { reason: 'it is no directory' };
    if (!lstatSync(join(path, 'manifest.json')).isFile()) return { reason: 'manifest.json is no plain file' };
    text = readFileSync(join(path, 'manifest.json'), 'utf8');
  } catch {
    return { reason: 'manifest.json cannot be read' };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'manifest.json is not JSON' };
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success)
    return { reason: `manifest.json: ${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}` };
  if (parsed.data.format > CHECKPOINT_FORMAT) throw fail('CHECKPOINT_NEWER', { path, format: parsed.data.format });
  return parsed.data;
}

/**
 * Removes all but the newest `keep` checkpoints, and what writers that died left. Call it after the newest was checked: the others
 * are what a damaged one falls back to.
 */
export function pruneCheckpoints(folder: string, keep: number): readonly string[] {
  const names = checkpointNames(folder).slice(Math.max(2, keep));
  for (const name of names) rmSync(join(folder, name), { recursive: true, force: true });
  return names;
}

/** Bytes of writes that are not finished; 0 without one. */
export function unfinishedBytes(folder: string): number {
  let bytes = 0;
  for (const name of list(folder).filter((one) => one.startsWith('.tmp-')))
    for (const file of list(join(folder, name), true))
      bytes += lstatSync(join(folder, name, file), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** Names in a folder, which may vanish while it is read. */
function list(folder: string, recursive = false): readonly string[] {
  try {
    return readdirSync(folder, { recursive, encoding: 'utf8' });
  } catch {
    return [];
  }
}

/** Removes unfinished writes. Call it while no rank runs. */
export function removeUnfinished(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (name.startsWith('.tmp-')) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Renames a damaged checkpoint, so that the program can write its step again. Call it while no rank runs. */
export function putAside(path: string): void {
  const aside = join(dirname(path), `damaged-${basename(path)}`);
  rmSync(aside, { recursive: true, force: true });
  renameSync(path, aside);
}
