import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTopic } from '../../examples/inference/read-topic.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  gt,
  int,
  lookup,
  mean,
  model,
  streamInference,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';

const START = Date.UTC(2026, 0, 1);
const STEP_MS = 20_000;

const asks = eventSource('asks', {
  id: 'ask',
  time: 'at',
  columns: { ask: text(), at: time(), user: text(), price: int() },
});
const buys = eventSource('buys', {
  id: 'ask',
  time: 'at',
  columns: { ask: text(), at: time(), user: text(), amount: int() },
});
const habits = streamView('habits', {
  source: buys,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['15m'],
  freshness: '1s',
  features: (e) => ({ buys: count(), amount: mean(e.amount) }),
});
const offering = featureService('offering', {
  request: { user: text(), price: int() },
  join: (r) => ({ user: lookup(habits, { user: r.user }) }),
  compute: (r) => ({ price: r.price }),
});
const taken = model('taken', {
  task: 'binary',
  service: offering,
  spine: { from: asks, id: 'ask' },
  label: { from: buys, id: 'ask', value: (e) => gt(e.amount, 4), otherwise: false, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const scored = streamInference('scored', { model: taken, from: asks, to: 'scores' });
const project = defineProject('p', { asks, buys, taken, scored });

const clock = { now: START };
const open = (directory: string) =>
  openHeadrace({
    project,
    environment: { directory, partitions: 2 },
    clock: () => clock.now,
    onFault: (error) => {
      throw error;
    },
  });

/** An ask, and a purchase of the same user ten seconds later: in the same smallest tile as most of the asks after it. */
async function step(headrace: Headrace, i: number, between: () => Promise<void>): Promise<void> {
  clock.now = START + i * STEP_MS;
  const user = `u${i % 2}`;
  await headrace.ingest(asks, [{ ask: `a${i}`, at: clock.now, user, price: (i * 7) % 11 }]);
  await between();
  clock.now += STEP_MS / 2;
  await headrace.ingest(buys, [{ ask: `a${i}`, at: clock.now, user, amount: (i * 5) % 9 }]);
}

/** Id, score and error of every output, in the files of the log. */
function outputs(directory: string): readonly (readonly [number, number | null, string | null])[] {
  const found = readTopic(join(directory, 'log'), 'streamed-scores@1').map(({ id, payload }) => {
    const { score, error } = JSON.parse(payload);
    return [Number(id.slice(1)), score, error] as const;
  });
  return found.toSorted(([a], [b]) => a - b);
}

test('a stream that lags, and one that scores again, give each record the features of its own instant', async () => {
  const root = mkdtempSync(join(tmpdir(), 'headrace-past-'));
  const [live, late] = ['live', 'late'].map((name) => join(root, name));
  const first = await open(live);
  for (let i = 0; i < 60; i += 1) await step(first, i, async () => undefined);
  clock.now += 86_400_000;
  const { version } = await first.train(taken, { to: clock.now });
  await first.promote(taken, version);
  await first.tick();
  await first.close();
  cpSync(live, late, { recursive: true });

  const after = 86_400_000 / STEP_MS + 100;
  const prompt = await open(live);
  for (let i = after; i < after + 60; i += 1) await step(prompt, i, () => prompt.tick());
  await prompt.tick();
  await prompt.close();

  const lagging = await open(late);
  for (let i = after; i < after + 60; i += 1) await step(lagging, i, async () => undefined);
  await lagging.tick();
  const again = [];
  for (const [partition, { next }] of lagging.stream('scored').status.partitions.entries())
    again.push(...(await lagging.stream('scored').reprocess(partition, { from: 0, to: next })));
  await lagging.close();

  const wanted = outputs(live);
  expect(wanted).toHaveLength(120);
  expect(new Set(wanted.slice(60).map(([, score]) => score)).size).toBeGreaterThan(20);
  expect(outputs(late)).toEqual(wanted);
  expect(
    again
      .map(({ id, score, error }) => [Number(id.slice(1)), score, error])
      .toSorted(([a], [b]) => Number(a) - Number(b)),
  ).toEqual(wanted);
});
