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
import { tileTable } from '../../src/features/plan/tile-table.ts';
import type { TileJobs } from '../../src/ports/tile-jobs.ts';
import { type Headrace, type OpenOptions, openHeadrace } from '../../src/running/headrace.ts';
import { withTileJobs } from '../../src/site/tile-jobs.ts';
import { addressOf } from './addresses.ts';
import { SentClicks } from './sent-clicks.ts';
import { byPage, byUser, project } from './tile-project.ts';
import { until } from './until.ts';

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
  readonly #sent = new SentClicks();
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

  /** As `SentClicks`. */
  send(headrace: Headrace, count: number): Promise<void> {
    return this.#sent.send(headrace, count);
  }

  expected(q: number): readonly unknown[] {
    return this.#sent.expected(q);
  }

  whole(headrace: Pick<Headrace, 'read'>): Promise<void> {
    return this.#sent.whole(headrace);
  }

  wholeOfBoth(headrace: Pick<Headrace, 'read'>): Promise<void> {
    return this.#sent.wholeOfBoth(headrace);
  }
}

function flinkOf(flink = [addressOf('FLINK_REST')[0], addressOf('FLINK_GATEWAY')[0]] as const) {
  const [cluster, gateway] = flink;
  return { kind: 'flink', cluster, gateway } as const;
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
