import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Environment } from '../environment/config.ts';
import { clearServices } from './clear-services.ts';

/** Where an environment's directory has what is tried out in it; a folder by the name of each run, with its lock. */
const FOLDER = 'verify';

/** Characters of a namespace in the names of scratch data. */
const NAMESPACE_LENGTH = 40;

/**
 * Works in environments like the given one that have nothing yet, each with its own namespace and directory, and removes
 * them, also if the work fails. Remains of killed runs are removed first; those that cannot be are named. Error: VERIFY_LEFT.
 */
export async function withScratch<T>(
  name: string,
  environment: Environment,
  work: (environmentOf: (run: number) => Environment) => Promise<T>,
  tell: (error: Error) => void,
): Promise<T> {
  const root = join(environment.directory, FOLDER);
  mkdirSync(root, { recursive: true });
  for (const run of readdirSync(root)) {
    const lock = acquireLock(join(root, run, 'lock'));
    if (lock === null) continue;
    lock.release();
    await remove(name, environment, run).catch(tell);
  }
  const run = `${environment.namespace.slice(0, NAMESPACE_LENGTH)}-verify-${randomUUID().slice(0, 8)}`;
  const directory = join(root, run);
  mkdirSync(directory, { recursive: true });
  const lock = acquireLock(join(directory, 'lock'));
  let outcome: T;
  try {
    outcome = await work((i) => ({ ...environment, namespace: `${run}-${i}`, directory: join(directory, String(i)) }));
  } catch (error) {
    await remove(name, environment, run).catch(tell);
    throw error;
  } finally {
    lock?.release();
  }
  await remove(name, environment, run);
  return outcome;
}

async function remove(name: string, environment: Environment, run: string): Promise<void> {
  try {
    const root = join(environment.directory, FOLDER);
    const folder = join(root, run);
    // The environment's own directory is none of them: what runs there is not what was tried out.
    const directories = (existsSync(folder) ? readdirSync(folder) : []).map((each) => join(folder, each));
    await clearServices(environment, () => `${run}-`, directories);
    rmSync(folder, { recursive: true, force: true });
    // Of an environment that was not there before nothing stays.
    for (const folder of [root, environment.directory]) if (readdirSync(folder).length === 0) rmdirSync(folder);
  } catch (error) {
    const reason = reasonOf(error);
    throw fail('VERIFY_LEFT', { environment: name, reason, names: `${run}-` }, error);
  }
}
