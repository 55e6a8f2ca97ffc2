import type { EnvironmentOptions } from 'headrace';
import { flink } from '../scripts/services/flink.ts';
import { kafka } from '../scripts/services/kafka.ts';
import { redis } from '../scripts/services/redis.ts';
import { eventToServable, timesText } from './event-to-servable.ts';
import { printFigure } from './figure.ts';
import { quantile } from './measure.ts';
import { withServices } from './services.ts';
import { scratchDirectory } from './shop.ts';

/**
 * From an event's being due to its being in what is answered, while 5,000 events a second come in, tiles by Flink: event, Kafka, Flink,
 * Kafka, store. Once as the process that writes answers, tiles in its directory; once as a reader of a Redis does. All on the same cores: broker,
 * cluster, Redis, both ends. Settings are those of every job: mini-batch and flush 20 ms, buffers 5 ms, a checkpoint a second, a
 * fetch of the topics that waits at the broker, commits to Redis as tiles come.
 */
const EVENTS = 25;

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
  const times = await eventToServable({ environment, events: EVENTS, byReader });
  console.log(`${who}: ${timesText(times)}`);
  printFigure({
    name: `event to servable by Kafka and Flink, p99, at 5,000 events/s, open loop, everything on the same cores: ${who}`,
    unit: 'ms',
    value: quantile(times, 0.99),
    yardstick: 'its median',
    yardstickValue: quantile(times, 0.5),
    aim: { of: 'value', atMost: 250 },
  });
}
