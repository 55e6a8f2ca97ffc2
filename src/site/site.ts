import { mkdirSync } from 'node:fs';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { EnvironmentStores, type SiteOptions } from './environment-stores.ts';
import type { Opener } from './open-once.ts';

/** Names of everything that a site opens. */
export type StoreName = Exclude<
  { [N in keyof EnvironmentStores]: EnvironmentStores[N] extends Opener<unknown> ? N : never }[keyof EnvironmentStores],
  'close'
>;

/** Opened stores of a site, by name. */
export type SiteStores<N extends StoreName> = { readonly [K in N]: Awaited<ReturnType<EnvironmentStores[K]>> };

/**
 * One opened environment: server, reader, workers, monitor, jobs and commands have one each. Stores are opened when they are first
 * asked for, each once, and are closed in the reverse order of their opening.
 */
export class Site extends EnvironmentStores {
  /** Opens stores in the order of their names. Those that are open stay so where one fails: `close` closes them. */
  async open<N extends StoreName>(...names: readonly N[]): Promise<SiteStores<N>> {
    const opened: Partial<Record<StoreName, unknown>> = {};
    for (const name of names) opened[name] = await this[name]();
    return opened as SiteStores<N>;
  }

  /** The published history as of now, for the time of the work. */
  readonly withHistory = async <T>(work: (history: OfflineStore) => Promise<T>): Promise<T> => {
    const { withHistory } = await import('./open-history.ts');
    return withHistory(this.environment, work);
  };

  /** Makes the directory of the environment where it is absent. Error: CONFIG_DIRECTORY. */
  makeDirectory(): void {
    const { directory } = this.environment;
    try {
      mkdirSync(directory, { recursive: true });
    } catch (error) {
      throw fail('CONFIG_DIRECTORY', { directory, reason: reasonOf(error) }, error);
    }
  }
}

/** Works in an environment, and closes its stores whatever happens. */
export async function withSite<T>(options: SiteOptions, work: (site: Site) => Promise<T>): Promise<T> {
  const site = new Site(options);
  let result: T;
  try {
    result = await work(site);
  } catch (error) {
    // The first failure is the one to report.
    await site.close().catch(site.onFault);
    throw error;
  }
  await site.close();
  return result;
}
