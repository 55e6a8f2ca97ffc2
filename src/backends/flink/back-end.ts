import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { parseDuration } from '../../base/time.ts';
import { STREAM_GENERATION } from '../../features/engine/stream-engine.ts';
import type { BackEndPlace, EngineBackEnd } from '../../ports/back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { FlinkCluster, isAlive, isBegun } from './cluster.ts';
import { flinkOptions } from './options.ts';
import { tileJob, tileJobTexts } from './tile-job.ts';
import { FlinkTileJobs } from './tile-jobs.ts';

/** A call of gateway or cluster without an answer after this fails, ms: planning a large job takes long. */
const TIMEOUT_MS = 120_000;
const CLEAR_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

export const flinkEngine: BackEndRow<z.output<typeof flinkOptions>, BackEndPlace, EngineBackEnd> = {
  kind: 'flink',
  folder: 'flink',
  is: 'jobs of Flink SQL compute the tiles',
  options: flinkOptions,
  facts: [],
  open: engineOn,
};

function engineOn(options: z.output<typeof flinkOptions>, place: BackEndPlace): EngineBackEnd {
  const { gateway, cluster: url, checkpoint } = options;
  const { directory, namespace } = place;
  return {
    kind: 'flink',
    called: 'Flink',
    // Its connector carries the client under another name.
    clientPackages: 'org.apache.flink.kafka.shaded.',
    addresses: [url],
    lacks: [],
    jobTexts: tileJobTexts,
    job: ({ project, key, reader, log, tileTopic, client }) => {
      const job = tileJob(project, {
        mark: log.mark,
        eventTopic: ({ name, version }) => log.topicName(`${name}@${version}`),
        tileTopic,
        generation: STREAM_GENERATION,
        brokers: log.addresses,
        ...(client === undefined ? {} : { client: { shown: client.shown, secret: Object.keys(client.secret) } }),
        group: `${log.prefix}${reader}`,
        checkpointMs: parseDuration(checkpoint, 'engine.checkpoint'),
      });
      const { properties } = job;
      return {
        settings: {
          stateTtl: properties['table.exec.state.ttl'],
          miniBatch: properties['table.exec.mini-batch.allow-latency'],
          checkpoint: properties['execution.checkpointing.interval'],
        },
        texts: job.statements,
        control: (surroundings, own) =>
          new FlinkTileJobs({
            ...surroundings,
            key,
            job,
            secrets: own?.secret ?? {},
            namespace,
            cluster: new FlinkCluster(url, TIMEOUT_MS),
            gateway,
            path: join(directory, 'flink.json'),
            clock: Date.now,
            timeoutMs: TIMEOUT_MS,
          }),
      };
    },
    kill: (jobId) => endJob(new FlinkCluster(url, TIMEOUT_MS), jobId),
    end: (jobId) => endJob(new FlinkCluster(url, TIMEOUT_MS), jobId),
    shortCheckpoint: checkpoint,
    clear: (namesOf) => endJobs(new FlinkCluster(url, CLEAR_TIMEOUT_MS), `headrace ${namesOf(' ')}`),
  };
}

/** Ends jobs, and removes the files that they could resume from. */
async function endJobs(cluster: FlinkCluster, beginning: string): Promise<void> {
  const own = (await cluster.jobs()).filter(({ name }) => name.startsWith(beginning));
  const restore = await Promise.all(own.filter(isBegun).map(({ id }) => cluster.newestCheckpoint(id)));
  for (const job of own) if (isAlive(job)) await endJob(cluster, job.id);
  for (const point of restore) if (point !== null) await cluster.dispose(point.path);
}

/** Ends a job, and waits until it has ended: one that still runs would make its topics again. */
async function endJob(cluster: FlinkCluster, jobId: string): Promise<void> {
  await cluster.cancel(jobId);
  for (let waited = 0; waited < CLEAR_TIMEOUT_MS; waited += POLL_MS) {
    if (!(await cluster.jobs()).some((job) => job.id === jobId && isAlive(job))) return;
    await sleep(POLL_MS);
  }
}
