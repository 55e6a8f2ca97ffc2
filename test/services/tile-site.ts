import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FlinkCluster } from '../../src/backends/flink/cluster.ts';
import { tileJobsFolder } from '../../src/backends/spark/folders.ts';
import { endDrivers } from '../../src/backends/spark/tile-jobs.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import type { ProjectData } from '../../src/features/define/declaration.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { tileTable } from '../../src/features/plan/tile-table.ts';
import { loggedIn } from '../../src/featurestore/ingest/ingest-report.ts';
import type { TileJobs } from '../../src/ports/tile-jobs.ts';
import { type Headrace, type OpenOptions, openHeadrace } from '../../src/running/headrace.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { withTileJobs } from '../../src/site/tile-jobs.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { addressOf } from './addresses.ts';
import { both, byBoth, byPage, byUser, clicks, PAGES, project, service, USERS } from './tile-project.ts';
import { until } from './until.ts';

const MINUTE_MS = 60_000;

export interface SiteOptions {
  /** Left out: in the directory. */
  readonly online?: Extract<EnvironmentOptions['online'], { kind: 'redis' }> | undefined;
  /** Of every topic. */
  readonly partitions?: number;
  /** How the log is reached; without it as nobody, on a wire that is not encrypted. */
  readonly log?: Partial<Extract<EnvironmentOptions['log'], { kind: 'kafka' }>> | undefined;
  /** Job manager and gateway; those that all suites share where it is left out. */
  readonly flink?: readonly [string, string];
  /** What makes the tiles in place of Flink. */
  readonly engine?: EnvironmentOptions['engine'];
}

/** One project on Kafka and another engine, and everything that was sent to it. */
export class TileSite {
  readonly namespace = `tiles-${randomUUID().slice(0, 8)}`;
  readonly faults: unknown[] = [];
  readonly #sent: Delivery[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'flink-tiles-'));
  readonly #options: SiteOptions;
  readonly #open: Headrace[] = [];

  constructor(options: SiteOptions = {}) {
    this.#options = options;
  }

  get options(): OpenOptions & { environment: EnvironmentOptions } {
    const { online, engine, flink } = this.#options;
    return {
      project,
      environment: {
        directory: this.#directory,
        namespace: this.namespace,
        partitions: this.#options.partitions ?? 2,
        sampleRate: 0,
        log: { kind: 'kafka', brokers: [...addressOf('KAFKA_BROKERS')], ...this.#options.log },
        engine: engine ?? flinkOf(flink),
        online: online ?? { kind: 'embedded' },
      },
      onFault: (error) => this.faults.push(error),
    };
  }

  /** Where the jobs of Spark are. */
  get sparkJobs(): string {
    return tileJobsFolder(resolveEnvironment('test', this.options.environment, 'site').directory);
  }

  async open(declared: ProjectData = project): Promise<Headrace> {
    const headrace = await openHeadrace({ ...this.options, project: declared });
    this.#open.push(headrace);
    return headrace;
  }

  /** Works with the site's jobs as `headrace tiles` does. */
  jobs<T>(work: (jobs: TileJobs) => Promise<T>, declared: ProjectData = project): Promise<T> {
    return withTileJobs(declared, resolveEnvironment('test', this.options.environment, 'site'), 'change', work);
  }

  /** Ends what runs: processes and jobs. */
  async end(): Promise<void> {
    for (const headrace of this.#open) await headrace.close().catch(() => undefined);
    const { engine } = this.options.environment;
    if (engine?.kind === 'flink') {
      const cluster = new FlinkCluster(engine.cluster, 10_000);
      for (const { id, name } of await cluster.jobs().catch(() => []))
        if (name.includes(this.namespace)) await cluster.cancel(id).catch(() => undefined);
    }
    if (engine?.kind === 'spark') await endDrivers(this.sparkJobs, Date.now);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Sends events of the last half hour, some late and some redelivered with another content. */
  async send(headrace: Headrace, count: number): Promise<void> {
    const now = Date.now();
    const from = this.#sent.length;
    const events = Array.from({ length: count }, (_, i) => {
      const n = from + i;
      const again = n % 11 === 10 ? this.#sent[from > 0 ? n % from : 0] : undefined;
      const age = n % 13 === 12 ? 45 * MINUTE_MS : (n * 7_919) % (25 * MINUTE_MS);
      const at = again?.ts ?? now - age;
      return { id: again?.id ?? `e${n}`, at, user: USERS[n % 4], page: PAGES[(n * 3) % 4], ms: (n * 31) % 997 };
    });
    expect(loggedIn(await headrace.ingest(clicks, events))).toBe(count);
    for (const { id, at, user, page, ms } of events)
      this.#sent.push({ id, ts: at, ingestTs: now, row: [id, at, user, page, ms] });
  }

  /** What the services answer at an instant by a scan of all that was sent. */
  expected(q: number): readonly unknown[] {
    return USERS.map((user, i) => [
      ...naiveAnswers(byUser, acceptedDeliveries(byUser, this.#sent), keyOf(byUser, user), q),
      ...naiveAnswers(byPage, acceptedDeliveries(byPage, this.#sent), keyOf(byPage, PAGES[i]), q),
    ]);
  }

  /** Waits until a process answers as the scan does, and says that this is fresh. */
  async whole(headrace: Pick<Headrace, 'read'>): Promise<void> {
    await until(async () => {
      const q = Date.now();
      const vectors = await Promise.all(USERS.map((user, i) => headrace.read(service, { user, page: PAGES[i] }, q)));
      expect(vectors.map(({ values }) => values)).toEqual(this.expected(q));
      expect(vectors.flatMap(({ stale }) => stale)).toEqual([]);
      return true;
    });
  }

  /** The same of the other view, of every pair. */
  async wholeOfBoth(headrace: Pick<Headrace, 'read'>): Promise<void> {
    const accepted = acceptedDeliveries(byBoth, this.#sent);
    const pairs = USERS.flatMap((user) => PAGES.map((page) => ({ user, page })));
    const { encode } = entityKeyCodec(byBoth.entity.key);
    await until(async () => {
      const q = Date.now();
      const vectors = await Promise.all(pairs.map((pair) => headrace.read(both, pair, q)));
      const expected = pairs.map(({ user, page }) => naiveAnswers(byBoth, accepted, encode([user, page]) ?? '', q));
      expect(vectors.map(({ values }) => values)).toEqual(expected);
      expect(vectors.flatMap(({ stale }) => stale)).toEqual([]);
      return true;
    });
  }
}

function flinkOf(flink = [addressOf('FLINK_REST')[0], addressOf('FLINK_GATEWAY')[0]] as const) {
  const [cluster, gateway] = flink;
  return { kind: 'flink', cluster, gateway } as const;
}

function keyOf(view: typeof byUser | typeof byPage, value: string): string {
  return entityKeyCodec(view.entity.key).encode([value]) ?? '';
}

/** The newest rows of every tile table in the history. */
async function archived(headrace: Headrace): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (const view of [byUser, byPage])
    for (const hopMs of view.hopsMs) {
      const relation = headrace.history.relation(tileTable(view, hopMs));
      const key = Object.keys(view.entity.key)
        .map((name) => `k_${name}`)
        .join(', ');
      const sql = `SELECT * FROM ${relation} QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key}, tile_start ORDER BY version DESC) = 1 ORDER BY ${key}, tile_start`;
      all.push((await Array.fromAsync(headrace.history.query(sql))).flat());
    }
  return all;
}

/** The tiles that the embedded engine makes of the same log, in another directory. */
async function embeddedTiles(site: TileSite): Promise<readonly unknown[]> {
  const directory = mkdtempSync(join(tmpdir(), 'flink-tiles-'));
  const { environment } = site.options;
  const headrace = await openHeadrace({
    ...site.options,
    environment: { ...environment, directory, engine: { kind: 'embedded' }, online: { kind: 'embedded' } },
  });
  try {
    await headrace.flush();
    return await archived(headrace);
  } finally {
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Waits until the history has the tiles that the embedded engine makes: those that no window reaches may come after the answers. */
export async function likeEmbedded(site: TileSite, headrace: Headrace): Promise<void> {
  const expected = await embeddedTiles(site);
  await until(async () => {
    await headrace.flush();
    expect(await archived(headrace)).toEqual(expected);
    return true;
  });
}
