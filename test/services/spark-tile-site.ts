import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHORT_LIVED } from '../../scripts/services/server.ts';
import { driverStatus, endDriver, startDriver, type TileDriverOptions } from '../../src/backends/spark/tile-driver.ts';
import { sparkTileJob } from '../../src/backends/spark/tile-job.ts';
import { addressOf } from './addresses.ts';
import { EngineSite, type SiteJob } from './engine-site.ts';

/** The Spark of the services on this machine, small. */
export function localSpark() {
  return {
    home: addressOf('SPARK_HOME')[0],
    // Event by event every task of a query runs at once.
    master: 'local[8]',
    conf: {
      'spark.driver.memory': '768m',
      'spark.driver.extraJavaOptions': SHORT_LIVED,
      'spark.sql.shuffle.partitions': '2',
    },
  };
}

/** A site whose tiles Spark makes. */
export class SparkTileSite extends EngineSite {
  readonly #directory = mkdtempSync(join(tmpdir(), 'spark-tiles-'));
  readonly #realTime: boolean;
  #options: TileDriverOptions | null = null;

  constructor(views: EngineSite['views'], { realTime = false } = {}) {
    super(views);
    this.#realTime = realTime;
  }

  /** Kills the driver during whatever it does, and starts another from its checkpoint. */
  async kill(): Promise<void> {
    const status = driverStatus(this.#folder);
    if (status === null || this.#options === null) throw new Error('no driver runs');
    process.kill(status.pid, 'SIGKILL');
    await startDriver(this.#folder, 'again', this.#options);
  }

  protected async begin({ project, group, ...options }: SiteJob): Promise<void> {
    this.#options = {
      spark: localSpark(),
      jars: addressOf('SPARK_KAFKA_JARS'),
      job: sparkTileJob(project, options),
      group,
      kafka: { 'bootstrap.servers': addressOf('KAFKA_BROKERS').join(',') },
      realTime: this.#realTime,
      everyMs: this.#realTime ? 5_000 : 500,
      partitions: 2,
    };
    await startDriver(this.#folder, 'first', this.#options);
  }

  protected async finish(): Promise<void> {
    if (driverStatus(this.#folder) !== null) await endDriver(this.#folder, Date.now);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #folder(): string {
    return join(this.#directory, 'job');
  }
}
