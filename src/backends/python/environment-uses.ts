import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../base/is-alive.ts';

/** While another process collects, a hold looks again after this, ms. */
const LOOK_AGAIN_MS = 20;

/** In place of an environment: a process that collects. */
const COLLECTOR = 'collector';

/**
 * The environments that processes of this machine use: a file `<environment>.<process id>.<random>` for each use. A process
 * makes its file first and then looks for a collector; a collector makes its own file first and then looks for uses. So one of
 * them sees the other: an environment in use is never removed. Files of dead processes count for nothing.
 */
export class EnvironmentUses {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Holds an environment, which may be absent, until the returned function is called. Waits for a collector. */
  async hold(environment: string): Promise<() => Promise<void>> {
    const path = await this.#note(environment);
    while ((await this.#live()).some(({ of }) => of === COLLECTOR)) await sleep(LOOK_AGAIN_MS);
    return () => rm(path, { force: true });
  }

  /** Does `work` while no hold begins; null: another process collects. `isUsed` says whether an environment is held. */
  async collecting<T>(work: (isUsed: (environment: string) => boolean) => Promise<T>): Promise<T | null> {
    const path = await this.#note(COLLECTOR);
    try {
      const live = await this.#live();
      if (live.filter(({ of }) => of === COLLECTOR).length > 1) return null;
      const used = new Set(live.map(({ of }) => of));
      return await work((environment) => used.has(environment));
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Makes a file of this process; gives its path. */
  async #note(of: string): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `${of}.${process.pid}.${randomUUID()}`);
    await writeFile(path, '', { flag: 'wx' });
    return path;
  }

  /** The files of live processes; removes those of the others. */
  async #live(): Promise<readonly { readonly of: string }[]> {
    const live: { readonly of: string }[] = [];
    for (const name of readdirSync(this.#folder)) {
      const [of = '', pid = '', ...rest] = name.split('.');
      if (rest.length !== 1) continue;
      if (isAlive(Number(pid))) live.push({ of });
      else await rm(join(this.#folder, name), { force: true });
    }
    return live;
  }
}
