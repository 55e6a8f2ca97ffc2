import { GatewaySession } from '../../src/backends/flink/sql-gateway.ts';
import { tileJob } from '../../src/backends/flink/tile-job.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { addressOf } from './addresses.ts';
import { EngineSite, type SiteJob } from './engine-site.ts';

/** A site whose tiles Flink makes. */
export class FlinkSite extends EngineSite {
  readonly jobs: string[] = [];
  readonly #rest: string;
  readonly #gateway: string;

  constructor(
    views: readonly StreamViewData[],
    [rest, gateway] = [addressOf('FLINK_REST')[0], addressOf('FLINK_GATEWAY')[0]],
  ) {
    super(views);
    this.#rest = rest;
    this.#gateway = gateway;
  }

  protected async begin({ project, ...options }: SiteJob): Promise<void> {
    const job = tileJob(project, { ...options, brokers: addressOf('KAFKA_BROKERS'), checkpointMs: 5_000 });
    const session = await GatewaySession.open(this.#gateway, job.properties, 60_000);
    for (const statement of job.statements) {
      const { jobId } = await session.run(statement);
      if (jobId !== null) this.jobs.push(jobId);
    }
    await session.close();
  }

  protected async finish(): Promise<void> {
    for (const job of this.jobs) await fetch(`${this.#rest}/jobs/${job}?mode=cancel`, { method: 'PATCH' });
  }
}
