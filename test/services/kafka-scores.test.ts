import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { startReceiver } from '../alerts/receiver.ts';
import { outputsIn, type SentOutput, scoreProject } from '../inference/score-site.ts';
import { event, PARTITIONS } from '../inference/stream-site.ts';
import { asked } from '../models/small-project.ts';
import { addressOf } from './addresses.ts';
import { StreamFolders } from './kafka-stream-site.ts';
import { until } from './until.ts';

const brokers = addressOf('KAFKA_BROKERS');
let folders: StreamFolders;

beforeAll(async () => {
  folders = await new StreamFolders().make();
});
afterAll(() => folders.remove());

test('two processes of a stream on Kafka: each score is once in the source, in files and under one name in messages, over a restart', async () => {
  const namespace = `scores-${randomUUID().slice(0, 8)}`;
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const files = mkdtempSync(join(tmpdir(), 'headrace-kafka-scores-'));
  onTestFinished(() => rmSync(files, { recursive: true, force: true }));
  const { project, scores, scoreService } = scoreProject({
    hook: { kind: 'webhook', url: receiver.url },
    files: { kind: 'files', directory: files, every: '1ms' },
  });
  const member = async (name: string): Promise<Headrace> => {
    const headrace = await openHeadrace({
      project,
      environment: {
        directory: folders.directory(`${namespace}-${name}`, namespace),
        namespace,
        partitions: PARTITIONS,
        log: { kind: 'kafka', brokers: [...brokers] },
      },
    });
    onTestFinished(() => headrace.close().catch(() => undefined));
    return headrace;
  };
  const one = await member('one');
  const two = await member('two');
  let sent = 0;
  const send = async (to: Headrace, count: number) => {
    const at = Date.now();
    const fresh = Array.from({ length: count }, (_, i) => event(sent + i + 1, at));
    sent += count;
    // The first come again.
    await to.ingest(asked, [...fresh, ...fresh.slice(0, 3)]);
  };
  const taken = () => receiver.received.flatMap(({ body }): readonly SentOutput[] => JSON.parse(body).outputs);
  const places = (some: readonly SentOutput[]) =>
    new Set(some.map(({ partition, offset }) => `${partition}/${offset}`));
  const all = async (...members: readonly Headrace[]) => {
    await until(async () => {
      for (const each of members) await each.tick();
      const { admission } = members[0].counters(scores);
      const found = [places(taken()).size, places(outputsIn(files)).size, admission.accepted];
      return found.every((count) => count === sent) || `${found} of ${sent}`;
    });
  };
  await send(one, 60);
  await send(two, 60);
  await all(one, two);
  await two.close();
  await send(one, 40);
  await all(one);
  expect(new Set(taken().map(({ id }) => id)).size).toBe(sent);
  expect(outputsIn(files)).toHaveLength(sent);
  const { features } = await one.vector(scoreService, { name: 'n3' }, Date.now() + 1);
  const own = Array.from({ length: sent }, (_, i) => event(i + 1, 0).name).filter((name) => name === 'n3');
  expect(features.by_scored_1d).toBe(own.length);
  await one.close();
});
