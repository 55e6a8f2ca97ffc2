import { setTimeout as sleep } from 'node:timers/promises';
import { FlinkCluster, isAlive, isBegun } from '../backends/flink/cluster.ts';
import { dropTopics } from '../backends/kafka/drop-topics.ts';
import { dropKeys } from '../backends/redis/drop-keys.ts';
import { endDrivers } from '../backends/spark/tile-jobs.ts';
import type { Environment } from '../environment/config.ts';
import { kafkaOptions } from './kafka-options.ts';
import { redisOptions } from './redis-options.ts';
import { tileJobsFolder } from './tile-jobs.ts';

const TIMEOUT_MS = 30_000;
const POLL_MS = 100;

/**
 * Removes what an environment has in its services under names that begin so: jobs, then what they write. Each name is a
 * namespace and what ends it there: `:` in Redis, `.` in Kafka, a blank in Flink. Jobs of Spark have no names, but folders in
 * the `directories` of their environments. All is tried; throws the first failure.
 */
export async function clearServices(
  environment: Environment,
  namesOf: (end: string) => string,
  directories: readonly string[],
): Promise<void> {
  const { engine, log, online } = environment;
  const failures: unknown[] = [];
  const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => failures.push(error));
  if (engine.kind === 'flink') await attempt(endJobs(engine.cluster, `headrace ${namesOf(' ')}`));
  if (engine.kind === 'spark')
    for (const directory of directories) await attempt(endDrivers(tileJobsFolder({ directory }), Date.now));
  if (log.kind === 'kafka') await attempt(dropTopics(kafkaOptions(environment, log), namesOf('.')));
  if (online.kind === 'redis') await attempt(dropKeys(redisOptions(online), namesOf(':')));
  if (failures.length > 0) throw failures[0];
}

/** Ends jobs with the files that they could go on from. */
async function endJobs(url: string, beginning: string): Promise<void> {
  const cluster = new FlinkCluster(url, TIMEOUT_MS);
  const own = (await cluster.jobs()).filter(({ name }) => name.startsWith(beginning));
  const restore = await Promise.all(own.filter(isBegun).map(({ id }) => cluster.newestCheckpoint(id)));
  for (const job of own) if (isAlive(job)) await endJob(cluster, job.id);
  for (const point of restore) if (point !== null) await cluster.dispose(point.path);
}

/** Ends a job, and waits until it has: one that still runs would make its topics anew. */
export async function endJob(cluster: FlinkCluster, jobId: string): Promise<void> {
  await cluster.cancel(jobId);
  for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
    if (!(await cluster.jobs()).some((job) => job.id === jobId && isAlive(job))) return;
    await sleep(POLL_MS);
  }
}
