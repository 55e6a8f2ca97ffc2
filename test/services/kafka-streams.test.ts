import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { runFolder } from '../../scripts/services/service.ts';
import { openKafkaLog } from '../../src/backends/kafka/event-log.ts';
import { openKafkaLanes } from '../../src/backends/kafka/stream-lanes.ts';
import { topicName } from '../../src/backends/kafka/topic-name.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { streamLanesContracts } from '../../src/testing/contracts/stream-lanes.ts';
import { event, PARTITIONS, project } from '../inference/stream-site.ts';
import { asked } from '../models/small-project.ts';
import { addressOf } from './addresses.ts';
import { judgeKafka, StreamFolders } from './kafka-stream-site.ts';
import { until } from './until.ts';
import { untilMarked } from './until-marked.ts';

const brokers = addressOf('KAFKA_BROKERS');
let folders: StreamFolders;

beforeAll(async () => {
  folders = await new StreamFolders().make();
});
afterAll(() => folders.remove());

test.each(streamLanesContracts)('lanes on Kafka, rule $rule: $name', async ({ run }) => {
  const options = { brokers, timeoutMs: 10_000, replicas: 1, prefix: `lane-${randomUUID().slice(0, 8)}.` };
  const log = await openKafkaLog(options);
  const lanes = await openKafkaLanes({ ...options, member: 'one' });
  onTestFinished(async () => {
    await lanes.close();
    await log.close();
  });
  for (const topic of ['in@1', 'out@1']) await log.openTopic(topic, 2);
  const { prefix } = options;
  const group = { id: `${prefix}r`, topic: topicName(prefix, 'in@1') };
  const marked = () => untilMarked({ brokers, topic: topicName(prefix, 'out@1'), partitions: 2, group });
  await run({
    open: () => lanes.open({ reader: 'r', inputTopic: 'in@1', outputs: 'out@1', positions: 'at@1', partitions: 2 }),
    read: async (partition) => {
      await marked();
      // Marks of transactions are records of others to the log.
      const { records } = await log.read('out@1', partition, 0, 1_000);
      return records.filter(({ foreign }) => foreign === undefined).map(({ id }) => id);
    },
    nexts: async () => {
      await marked();
      return (await log.committed('r', 'in@1')) ?? [0, 0];
    },
    follow: () => lanes.follow('f', 'out@1'),
    close: () => undefined,
  });
});

async function member(
  name: string,
  namespace: string,
  faults: unknown[],
  which: 'same' | 'others' = 'same',
): Promise<Headrace> {
  const headrace = await openHeadrace({
    project,
    environment: {
      directory: folders.directory(`${namespace}-${name}`, namespace, which),
      namespace,
      partitions: PARTITIONS,
      log: { kind: 'kafka', brokers: [...brokers] },
    },
    onFault: (error) => faults.push(error),
  });
  onTestFinished(() => headrace.close().catch(() => undefined));
  return headrace;
}

test('two processes divide a stream: each record has one output of its version over every kind of cut-over', async () => {
  const namespace = `stream-${randomUUID().slice(0, 8)}`;
  const faults: unknown[] = [];
  const one = await member('one', namespace, faults);
  const other = await member('other', namespace, faults);
  const tick = async () => {
    await one.tick();
    await other.tick();
  };
  const here = (headrace: Headrace) => headrace.stream('scored').status.partitions.filter((each) => each.here).length;
  await until(async () => {
    await tick();
    return here(one) > 0 && here(other) > 0 && here(one) + here(other) === PARTITIONS;
  });
  let sent = 0;
  const send = async (count: number) => {
    const at = Date.now();
    const events = Array.from({ length: count }, () => {
      sent += 1;
      return event(sent, at);
    });
    await (sent % 2 === 0 ? one : other).ingest(asked, events);
  };
  const plans = [
    { version: 2 },
    { version: 3, cutOver: { kind: 'immediate' } },
    { version: 4, cutOver: { kind: 'canary-keys', buckets: 5_000, salt: 's' } },
    { version: 1, cutOver: { kind: 'at-event-time', at: Date.now() } },
  ] as const;
  for (const plan of plans) {
    await send(60);
    await one.stream('scored').roll(plan);
    await expect(other.stream('scored').roll(plan)).rejects.toMatchObject({ code: 'STREAM_PLAN' });
    await until(async () => {
      await send(3);
      await tick();
      return other.stream('scored').status.rollingTo === null && one.stream('scored').status.rollingTo === null;
    });
  }
  const scored = () => one.stream('scored').counts.scored + other.stream('scored').counts.scored;
  await until(async () => {
    await tick();
    return scored() === sent || `${scored()} of ${sent}`;
  });
  // Whoever is asked scores a range again, whose partitions it has or not.
  const { next } = one.stream('scored').status.partitions[0];
  const ranges = [one, other].map((each) => each.stream('scored').reprocess(0, { from: 0, to: next }));
  const [first, second] = (await Promise.all(ranges)).map((outputs) =>
    outputs.map(({ offset, version, score }) => ({ offset, version, score })),
  );
  expect(second).toEqual(first);
  expect(faults).toEqual([]);
  await one.close();
  await other.close();
  expect(await judgeKafka(join(runFolder('kafka'), 'broker'), namespace)).toMatchObject({
    records: sent,
    outputs: sent,
    lost: 0,
    double: 0,
    wrong: 0,
    plans: 4,
    versions: [1, 2, 3, 4],
  });
});

test('a process with another file under the number of a version scores nothing by it', async () => {
  const namespace = `stream-${randomUUID().slice(0, 8)}`;
  const faults: unknown[] = [];
  const one = await member('one', namespace, faults);
  await one.ingest(asked, [event(1, Date.now())]);
  await until(async () => {
    await one.tick();
    return one.stream('scored').counts.scored === 1;
  });
  await one.close();
  expect(faults).toEqual([]);
  const strange = await member('strange', namespace, faults, 'others');
  await strange.ingest(asked, [event(2, Date.now())]);
  await until(async () => {
    await strange.tick();
    return faults.length > 0;
  });
  expect(faults).toMatchObject([{ code: 'STREAM_DIGEST' }]);
  expect(strange.degraded().join()).toContain('does not go forward');
  expect(strange.stream('scored').counts).toMatchObject({ scored: 0, rejected: 0 });
});
