import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  streamView,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { HotTiles, hotTilesDefaults } from '../../src/featurestore/hotkeys/hot-tiles.ts';
import { loggedIn } from '../../src/featurestore/ingest/ingest-report.ts';
import { storeTiles } from '../../src/featurestore/online/store-tiles.ts';
import { userVector } from '../../src/featurestore/online/user-values.ts';
import { VectorReader } from '../../src/featurestore/online/vector-reader.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';

export const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '30m',
  columns: { id: text(), at: time(), user: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
export const service = featureService('clicker', {
  request: { user: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
});
export const project = defineProject('site', { service });

/** What a service said of a user. */
/** A process that reads, and only reads. */
export interface SiteReader {
  read(user: string): Promise<Told>;
  /** Exchanges hot keys with the other readers, as processes do each second. */
  share(): Promise<void>;
  close(): Promise<void>;
}

export interface Told {
  readonly n: unknown;
  readonly ms: unknown;
  readonly degraded: boolean;
}

/**
 * A running project whose tiles are in a Redis, a reader as of another process, and what every user's answer must be. Each
 * user's events are of the last minutes, so that a window of an hour has them all.
 */
export class Clicks {
  readonly options: RedisOptions;
  readonly users: readonly string[];
  readonly faults: unknown[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'clicks-'));
  readonly #sums = new Map<string, { n: number; ms: number }>();
  #headrace: Headrace | null = null;
  #ids = 0;

  constructor(options: RedisOptions, users = 50) {
    this.options = options;
    this.users = Array.from({ length: users }, (_, i) => `user ${i}`);
  }

  async open(cacheKeys = 1_000): Promise<void> {
    const { urls, cluster, prefix, timeoutMs } = this.options;
    this.#headrace = await openHeadrace({
      project,
      environment: {
        directory: this.#directory,
        namespace: prefix,
        cacheKeys,
        online: { kind: 'redis', url: cluster ? [...urls] : urls[0], timeout: `${timeoutMs}ms` },
      },
      onFault: (error) => this.faults.push(error),
    });
  }

  get headrace(): Headrace {
    if (this.#headrace === null) throw new Error('not open');
    return this.#headrace;
  }

  /** Ingests events of users in turn; what was acknowledged counts. */
  async ingest(events: number, users = this.users): Promise<void> {
    const sent = Array.from({ length: events }, () => {
      this.#ids += 1;
      const user = users[this.#ids % users.length];
      return { id: `e${this.#ids}`, at: Date.now() - (this.#ids % 90) * 1_000, user, ms: this.#ids % 97 };
    });
    const logged = loggedIn(await this.headrace.ingest(clicks, sent));
    if (logged !== events) throw new Error(`${logged} of ${events} events are in the log`);
    for (const { user, ms } of sent) {
      const sums = this.#sums.get(user) ?? { n: 0, ms: 0 };
      sums.n += 1;
      sums.ms += ms;
      this.#sums.set(user, sums);
    }
  }

  expected(user: string): { readonly n: number; readonly ms: number | null } {
    return this.#sums.get(user) ?? { n: 0, ms: null };
  }

  /** What the process that writes says. */
  async writer(user: string): Promise<Told> {
    const { features, degraded } = await this.headrace.vector(service, { user });
    return { n: features.u_n_1h, ms: features.u_ms_1h, degraded };
  }

  /** Opens a reader as of another process, which has only the store. By a clock of the test, the test calls `share`. */
  async reader(options = hotTilesDefaults, clock?: () => number): Promise<SiteReader> {
    const store = await openRedisStore(this.options, 'read');
    if (store.remote === undefined) throw new Error('not remote');
    const hot = new HotTiles(store.remote, clock ?? Date.now, options);
    const share = () => hot.share().catch((error: unknown) => void this.faults.push(error));
    const sharing = clock === undefined ? setInterval(() => void share(), 1_000) : undefined;
    const reader = new VectorReader({
      service,
      layoutOf: tileLayout,
      tiles: storeTiles(hot),
      readBatch: (reads) => store.readBatch(reads),
      computeOf: ({ compute }) => compute,
      clock: clock ?? Date.now,
      onComputeError: (_, error) => this.faults.push(error),
    });
    const toUser = userVector(service);
    return {
      share,
      read: async (user) => {
        const { features, degraded } = toUser(await reader.read([user], undefined, false));
        return { n: features['u_n_1h'], ms: features['u_ms_1h'], degraded };
      },
      close: async () => {
        clearInterval(sharing);
        await store.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#headrace?.close();
    this.#headrace = null;
  }

  async end(): Promise<void> {
    await this.close().catch((error: unknown) => this.faults.push(error));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
