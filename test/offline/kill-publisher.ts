import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { childEnv } from '../child-env.ts';
import { type KillPoint, killProcess } from '../kill-process.ts';
import { counted, KILL_SETTINGS, nextNumber, squares } from './numbered-changes.ts';

const PUBLISHER = fileURLToPath(new URL('./publisher.ts', import.meta.url));

/** Starts the publisher on a store, kills it (SIGKILL) at a point: it prints a line when it has opened the store, and for each change. */
export async function killPublisher(path: string, at: KillPoint): Promise<void> {
  await killProcess(
    spawn(process.execPath, [PUBLISHER, path], { stdio: ['ignore', 'pipe', 'inherit'], env: childEnv() }),
    at,
  );
}

/**
 * Opens the store again for writing and checks that it holds exactly the changes up to its position, whole, and on the
 * disk no file but those of its manifest; returns the number of the last change.
 */
export async function checkStore(path: string): Promise<number> {
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now, ...KILL_SETTINGS });
  try {
    const last = (await nextNumber(store)) - 1;
    const [found] = await all(
      store.query(`
      SELECT
        (SELECT [COUNT(*), COUNT(DISTINCT n), COALESCE(MAX(n), 0)] FROM ${store.relation(counted)}),
        (SELECT COALESCE(BOOL_AND(LENGTH(text) = n % 50), true) FROM ${store.relation(counted)}),
        (SELECT [COUNT(*), COUNT(DISTINCT square), COALESCE(MAX(square), 0)] FROM ${store.relation(squares)})`),
    );
    const wanted = [[last, last, last].map(BigInt), true, [2 * last, 2 * last, last * last].map(BigInt)];
    if (text(found) !== text(wanted)) throw new Error(`at position ${last} the store holds ${text(found)}`);
    const manifests = readdirSync(path).filter((name) => name.startsWith('manifest'));
    const known = manifests.map((name) => readFileSync(join(path, name), 'utf8')).join('');
    const strays = readdirSync(join(path, 'tables'), { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.parquet') && !known.includes(`"tables/${name}"`),
    );
    if (strays.length > 0 || manifests.length > 1)
      throw new Error(`left over: ${[...manifests, ...strays].join(', ')}`);
    return last;
  } finally {
    await store.close();
  }
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each));
}

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const rows: T[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}
