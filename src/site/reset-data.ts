import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, type Lock } from '../backends/embedded/lock.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { engineOf, logOf, onlineOf } from './back-ends/environment-back-ends.ts';
import { databaseFiles } from './databases.ts';

/** Stores of which one process holds the lock. */
const STORES = ['log', 'online', 'offline'];

/** Other data of a project in its directory. API keys, the audit log and other namespaces are not. */
const DATA = [
  ...databaseFiles,
  ...['artifacts', 'runs', 'training-sets', 'batch', 'playbook', 'drift.json'],
  ...['ingest', 'forgetting', 'unsent-profiles', 'declaration.json', 'disk.json', 'clock.json', 'clock-accepted.json'],
];

/**
 * Removes the data of an environment that is wholly in its directory; nothing of it while another process has it open. Errors:
 * DEV_RESET, DEV_RUNNING.
 */
export function resetData(environment: Environment): void {
  const { directory } = environment;
  const parts = { log: logOf(environment), online: onlineOf(environment), engine: engineOf(environment) };
  const elsewhere = Object.entries(parts).flatMap(([part, of]) =>
    of === null || of.addresses.length === 0 ? [] : [`${part}: ${of.kind}`],
  );
  if (elsewhere.length > 0) throw fail('DEV_RESET', { directory, parts: elsewhere });
  const locks = hold(directory);
  try {
    for (const store of STORES) empty(join(directory, store));
    for (const name of DATA) rmSync(join(directory, name), { recursive: true, force: true });
  } finally {
    for (const lock of locks) lock.release();
  }
}

function hold(directory: string): readonly Lock[] {
  const locks: Lock[] = [];
  for (const store of STORES.filter((name) => existsSync(join(directory, name)))) {
    const lock = acquireLock(join(directory, store, 'lock'));
    if (lock !== null) locks.push(lock);
    else {
      for (const held of locks) held.release();
      throw fail('DEV_RUNNING', { directory });
    }
  }
  return locks;
}

/** Removes all of a store but its lock, which is held. */
function empty(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path).filter((each) => !/^lock(-journal)?$/.test(each)))
    rmSync(join(path, name), { recursive: true, force: true });
}
