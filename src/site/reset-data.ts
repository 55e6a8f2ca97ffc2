import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { engineOf, logOf, onlineOf } from './back-ends/environment-back-ends.ts';
import { databaseFiles } from './databases.ts';
import { holdStores } from './hold-stores.ts';

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
  const lock = holdStores(directory, STORES);
  if (lock === null) throw fail('DEV_RUNNING', { directory });
  try {
    for (const store of STORES) empty(join(directory, store));
    for (const name of DATA) rmSync(join(directory, name), { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

/** Removes all of a store but its lock, which is held. */
function empty(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path).filter((each) => !/^lock(-journal)?$/.test(each)))
    rmSync(join(path, name), { recursive: true, force: true });
}
