import { setTimeout as sleep } from 'node:timers/promises';
import {
  defineProject,
  type EnvironmentOptions,
  featureService,
  lookup,
  openHeadrace,
  openReader,
  text,
} from 'headrace';
import { zipf } from '../examples/personalisation/zipf.ts';
import { flink } from '../scripts/services/flink.ts';
import { kafka } from '../scripts/services/kafka.ts';
import { redis } from '../scripts/services/redis.ts';
import { seededRandom } from '../src/base/rng.ts';
import { withTileJobs } from '../src/compose/tile-jobs.ts';
import { resolveEnvironment } from '../src/config.ts';
import { printFigure } from './figure.ts';
import { quantile } from './measure.ts';
import { withServices } from './services.ts';
import { purchases, scratchDirectory, spend } from './shop.ts';

/**
 * From an event's being due to its being in what is answered, while 5,000 events a second come in, tiles by Flink: event, Kafka, Flink,
 * Kafka, store. Open loop: 25 events every 5 ms, in every fourth slice one of them a probe, of a user of its own, which is read again and again
 * until it is there. Once as the process that writes answers, tiles in its directory; once as a reader of a Redis does. All on the same cores: broker,
 * cluster, Redis, both ends. Settings are those of every job: mini-batch and flush 20 ms, buffers 5 ms, a checkpoint a second, a
 * fetch of the topics that waits at the broker, commits to Redis as tiles come.
 */
const SECONDS = 20;
const WARM_UP_SECONDS = 60;
const SLICE_MS = 5;
const EVENTS = 25;
const PROBE_EVERY = 4;
const USERS = 20_000;

const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
const project = defineProject('flink_bench', { only });

await withServices([kafka, flink, redis], async (told) => {
  const where = (online: EnvironmentOptions['online'] = { kind: 'embedded' }): EnvironmentOptions => ({
    directory: scratchDirectory(),
    namespace: `bench${Date.now()}`,
    sampleRate: 0,
    log: { kind: 'kafka', brokers: [told['KAFKA_BROKERS']] },
    engine: { kind: 'flink', gateway: told['FLINK_GATEWAY'], cluster: told['FLINK_REST'] },
    online,
  });
  await measure('the process that writes, tiles in its directory', where(), false);
  await measure('a reader of a Redis', where({ kind: 'redis', url: told['REDIS_URL'] }), true);
});

async function measure(who: string, environment: EnvironmentOptions, byReader: boolean): Promise<void> {
  const headrace = await openHeadrace({ project, environment });
  const jobs = <T>(work: Parameters<typeof withTileJobs<T>>[3]) =>
    withTileJobs(project, resolveEnvironment('bench', environment, project.name), 'change', work);
  await jobs((all) => all.deploy());
  const reader = byReader ? await openReader({ project, environment }) : null;
  const times: number[] = [];
  try {
    const rank = zipf(USERS, seededRandom(1));
    const waiting = new Map<string, number>();
    const started = performance.now();
    const answersFrom = reader ?? headrace;
    let reading = true;
    const watching = (async () => {
      while (reading || waiting.size > 0) {
        if (performance.now() - started > (WARM_UP_SECONDS + SECONDS + 30) * 1_000)
          throw new Error(`${waiting.size} events never came: ${JSON.stringify(headrace.status().lag)}`);
        // Those that came first: after a standstill too many wait to look at all of them.
        for (const [user, dueAt] of [...waiting].slice(0, 50)) {
          const { values } = await answersFrom.read(only, { user });
          if (values.every((value) => value === null || value === 0 || value === 0n)) continue;
          waiting.delete(user);
          if (dueAt - started > WARM_UP_SECONDS * 1_000) times.push(performance.now() - dueAt);
        }
        await sleep(2);
      }
    })();
    const slices = ((WARM_UP_SECONDS + SECONDS) * 1_000) / SLICE_MS;
    const sent: Promise<unknown>[] = [];
    for (let slice = 0; slice < slices; slice += 1) {
      const dueAt = started + slice * SLICE_MS;
      while (performance.now() < dueAt) await sleep(Math.max(0, dueAt - performance.now()));
      const users = Array.from({ length: EVENTS - 1 }, () => `u${rank()}`);
      const probe = slice % PROBE_EVERY === 0 ? `probe${slice}` : `u${rank()}`;
      if (slice % PROBE_EVERY === 0) waiting.set(probe, dueAt);
      const events = [...users, probe].map((user, i) => ({
        id: `e${slice}-${i}`,
        at: Date.now(),
        user,
        price: 5,
        items: 1,
      }));
      sent.push(Promise.resolve(headrace.ingest(purchases, events)));
    }
    await Promise.all(sent);
    reading = false;
    await watching;
  } finally {
    // Also after a failure: what runs on would be measured with the next.
    await reader?.close();
    await jobs((all) => all.stop());
    await headrace.close();
  }
  console.log(
    `${who}: ${times.length} probes, p50 ${quantile(times, 0.5).toFixed(0)} ms, p90 ${quantile(times, 0.9).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms, most ${Math.max(...times).toFixed(0)} ms`,
  );
  printFigure({
    name: `event to servable by Kafka and Flink, p99, at 5,000 events/s, open loop, everything on the same cores: ${who}`,
    unit: 'ms',
    value: quantile(times, 0.99),
    yardstick: 'its median',
    yardstickValue: quantile(times, 0.5),
    aim: { of: 'value', atMost: 250 },
  });
}
