import { randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CollectedPython } from '../../ports/python-runtime.ts';
import type { EnvironmentUses } from './environment-uses.ts';

export interface CollectOptions {
  /** Of `venvs`; removed environments lie here until they are gone. */
  readonly directory: string;
  readonly uses: EnvironmentUses;
  /** Names of environments that stay. */
  readonly needed: ReadonlySet<string>;
  /** Environments that were used since stay, epoch ms. */
  readonly before: number;
}

/**
 * Removes environments that are not needed, not in use and not used lately. Each is first renamed to the name of a half made
 * one: if this process dies, the next start removes it.
 */
export async function collectEnvironments(options: CollectOptions): Promise<CollectedPython> {
  const { directory, uses, needed, before } = options;
  const folder = join(directory, 'venvs');
  const names = namesIn(folder);
  const gone = await uses.collecting(async (isUsed) => {
    const moved: string[] = [];
    for (const name of names) {
      if (needed.has(name) || isUsed(name) || lastUsed(join(folder, name)) >= before) continue;
      const place = join(directory, `making-${process.pid}-${randomUUID()}`);
      await rename(join(folder, name), place);
      moved.push(place);
    }
    return moved;
  });
  for (const place of gone ?? []) await rm(place, { recursive: true, force: true });
  return { seen: names.length, removed: gone?.length ?? 0, isBusy: gone === null };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A start of a worker sets the time of its environment. One that is gone was used just now. */
function lastUsed(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
}
