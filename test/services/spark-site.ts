import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHORT_LIVED } from '../../scripts/services/server.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { historyFolder } from '../../src/backends/spark/folders.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import type { EventSourceData, StreamViewData } from '../../src/features/define/declaration.ts';
import { Admission } from '../../src/features/engine/admission.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { allTiles } from '../../src/featurestore/backfill/backfill.ts';
import type { HistoryEngine, HistorySession } from '../../src/ports/history-engine.ts';
import type { OfflineStore, OfflineValue } from '../../src/ports/offline-store.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { historyOf } from '../../src/site/back-ends/environment-back-ends.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { addressOf } from './addresses.ts';

/**
 * How Spark is reached. Its SQL is the same: what is large, or many of a kind, is held by the first way, and by the second some of
 * each kind, and all that is of its own: sessions, files, refusals, ends.
 */
export const ways = ['spark-submit', 'Spark Connect'] as const;

export type Way = (typeof ways)[number];

/** Small jobs. */
const CONF = { 'spark.sql.shuffle.partitions': '2' };

/** The engine of an environment, on two cores. */
export function engineBy(
  way: Way,
  conf: Readonly<Record<string, string>> = {},
): NonNullable<EnvironmentOptions['offline']>['engine'] {
  if (way === 'Spark Connect') {
    const [address] = addressOf('SPARK_CONNECT');
    return {
      kind: 'sparkConnect',
      url: `sc://${address}`,
      token: { env: 'SPARK_CONNECT_TOKEN' },
      conf: { ...CONF, ...conf },
    };
  }
  const [home] = addressOf('SPARK_HOME');
  return {
    kind: 'spark',
    home,
    master: 'local[2]',
    conf: { 'spark.driver.memory': '1536m', 'spark.driver.extraJavaOptions': SHORT_LIVED, ...CONF, ...conf },
  };
}

/** Histories of sources, and one session of Spark that computes over them. */
export class SparkSite {
  readonly directory: string;
  readonly offline: OfflineStore;
  readonly #session: HistorySession;
  readonly #engine: HistoryEngine;
  readonly #runs: string;

  private constructor(
    directory: string,
    runs: string,
    offline: OfflineStore,
    engine: HistoryEngine,
    session: HistorySession,
  ) {
    this.directory = directory;
    this.#runs = runs;
    this.offline = offline;
    this.#session = session;
    // One session for all: a start takes longer than what is computed.
    this.#engine = {
      dialect: engine.dialect,
      open: async () => ({ compute: (computation) => session.compute(computation), close: async () => undefined }),
    };
  }

  static async open(way: Way): Promise<SparkSite> {
    const directory = mkdtempSync(join(tmpdir(), 'spark-'));
    const path = join(directory, "it's [a] *site? {n}=1, é", 'offline');
    const offline = await openOfflineStore({ path, access: 'write', clock: Date.now });
    const options = { directory: join(directory, "it's [a] *run? {n}=1, é"), offline: { engine: engineBy(way) } };
    const environment = resolveEnvironment('local', options, 'site');
    const engine = historyOf(environment).engine;
    if (engine === null) throw new TypeError('the environment has no Spark');
    const session = await engine.open(() => undefined);
    return new SparkSite(directory, historyFolder(environment.directory), offline, engine, session);
  }

  get engine(): HistoryEngine {
    return this.#engine;
  }

  /** Takes the deliveries of a source, some at a time, each with the verdict that it got when it came, or without one. */
  publisher(
    source: EventSourceData,
    admission: Admission | null = new Admission(source, Number.POSITIVE_INFINITY),
  ): (deliveries: readonly LoggedDelivery[]) => Promise<void> {
    const table = rawTable(source);
    return async (deliveries) => {
      const columns: OfflineValue[][] = Object.keys(table.columns).map(() => []);
      for (const delivery of deliveries) {
        const { row, ingestTs, partition, offset } = delivery;
        const whole = [...row, ingestTs, partition, offset, admission?.judge(delivery, 0) ?? null];
        for (const [c, value] of whole.entries()) columns[c].push(value as OfflineValue);
      }
      await this.offline.publish({
        writer: source.name,
        position: {},
        mode: 'append',
        tables: [{ table, rows: deliveries.length, columns }],
      });
    };
  }

  /** Every tile of a view, computed by Spark, or by DuckDB where `engine` is null. */
  async tiles(view: StreamViewData, engine: HistoryEngine | null = this.#engine): Promise<readonly TileWrite[]> {
    return (
      await Array.fromAsync(allTiles([{ layout: tileLayout(view), areAll: false }], this.offline, engine))
    ).flat();
  }

  /** Folders of computations whose files are still there. */
  runs(): readonly string[] {
    return readdirSync(this.#runs).filter((name) => name.startsWith('run='));
  }

  async end(): Promise<void> {
    await this.#session.close();
    await this.offline.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
