import { expect, test } from 'vitest';
import { randomBelow, seededRandom } from '../../../src/base/rng.ts';
import { streamTopics } from '../../../src/serving/streaming/open-lanes.ts';
import { intervalAt } from '../../../src/serving/streaming/version-map.ts';
import { INPUT, SharedSite, scored } from './shared-site.ts';

const PARTITIONS = 3;
const RUNS = Number(process.env['HEADRACE_SHARED_RUNS'] ?? 4);
const NAMES = ['a', 'b', 'c'];
const stream = (opened: Awaited<ReturnType<SharedSite['open']>>) => opened.streams.named('scored');

test(`in ${RUNS} random runs of moved partitions, sleeping owners and rolls, every record has one output of its version, and every id one score`, async () => {
  const first = Number(process.env['HEADRACE_SEED'] ?? 1);
  for (let seed = first; seed < first + RUNS; seed += 1) {
    const rng = seededRandom(seed);
    const site = await new SharedSite(PARTITIONS).make();
    const open = await Promise.all(NAMES.map((name) => site.open(name)));
    for (let step = 0; step < 40; step += 1) {
      site.appendMixed(randomBelow(rng, PARTITIONS), 1 + randomBelow(rng, 5), rng);
      const one = randomBelow(rng, NAMES.length);
      if (rng() < 0.3)
        for (const [i, name] of NAMES.entries())
          site.lanes.assigned.set(
            name,
            [0, 1, 2].filter((p) => (p + step) % NAMES.length === i || rng() < 0.1),
          );
      if (rng() < 0.15) open[one] = await site.open(NAMES[one]);
      if (rng() < 0.2) {
        const cutOver = [
          { kind: 'immediate' },
          { kind: 'canary-keys', buckets: 5_000, salt: 's' },
          { kind: 'at-event-time', at: site.now },
          { kind: 'at-offset', offsets: null },
          { kind: 'at-offset', offsets: [1e9, 1e9, 3] },
          { kind: 'at-event-time', at: site.now + 1e9 },
        ] as const;
        const version = 1 + randomBelow(rng, 4);
        const plan = { version, cutOver: cutOver[randomBelow(rng, cutOver.length)], replace: rng() < 0.5 };
        const planned = rng() < 0.2 ? stream(open[one]).cancel() : stream(open[one]).roll(plan);
        await planned.catch((error: unknown) => {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(STREAM_PLAN|STREAM_CUT_OVER|MODEL_NONE)$/) });
        });
      }
      if (rng() < 0.7) await stream(open[one]).tick();
      else {
        // It sleeps before its commit, while others take its partitions.
        const { promise, resolve } = Promise.withResolvers<void>();
        open[one].lanes.asleep = promise;
        const asleep = stream(open[one]).tick();
        await stream(open[(one + 1) % NAMES.length]).tick();
        resolve();
        open[one].lanes.asleep = null;
        await asleep;
      }
    }
    // One process takes everything over, and rolls, whatever was planned.
    for (const name of NAMES) site.lanes.assigned.set(name, name === 'a' ? [0, 1, 2] : []);
    await stream(open[0]).tick();
    await stream(open[0]).roll({ version: 2, cutOver: { kind: 'immediate' }, replace: true });
    for (let round = 0; round < 4; round += 1) {
      for (let p = 0; p < PARTITIONS; p += 1) site.append(p, 3);
      await stream(open[0]).tick();
    }
    await stream(open[0]).tick();
    expect(site.faults, `seed ${seed}`).toEqual([]);
    const newest = stream(open[0]).status.partitions.map(({ next, intervals }) => intervalAt(intervals, next).version);
    expect(newest, `seed ${seed}`).toEqual([2, 2, 2]);
    const { records, outputs, ...verdict } = site.judge();
    expect({ seed, ...verdict }).toMatchObject({ lost: 0, double: 0, wrong: 0 });
    expect(outputs).toBe(records);
    expect(verdict.claims).toBeGreaterThan(PARTITIONS);
    expect(verdict.repeats).toBeGreaterThan(0);
    for (const each of open) await each.streams.part().close();
  }
}, 300_000);

test('an owner that slept while another took its partition commits nothing, and is no fault', async () => {
  const site = await new SharedSite(1).make();
  site.lanes.assigned.set('a', [0]);
  const [a, b] = [await site.open('a'), await site.open('b')];
  site.append(0, 10);
  const { promise, resolve } = Promise.withResolvers<void>();
  a.lanes.asleep = promise;
  const asleep = stream(a).tick();
  site.lanes.assigned.set('a', []);
  site.lanes.assigned.set('b', [0]);
  await stream(b).tick();
  expect(stream(b).counts.scored).toBe(10);
  resolve();
  await asleep;
  expect(stream(a).counts.scored).toBe(0);
  expect(stream(a).status.partitions).toMatchObject([{ here: false }]);
  expect(stream(a).degraded()).toEqual([]);
  expect(site.faults).toEqual([]);
  expect(site.judge()).toMatchObject({ outputs: 10, lost: 0, double: 0, wrong: 0 });
});

test('a control log that is not the one of the outputs is named, and nothing is scored by another map', async () => {
  const site = await new SharedSite(1).make();
  site.lanes.assigned.set('a', [0]);
  const a = await site.open('a');
  site.append(0, 5);
  await stream(a).tick();
  await stream(a).roll({ version: 2 });
  await stream(a).tick();
  site.append(0, 5);
  await stream(a).tick();
  expect(stream(a).counts.scored).toBe(10);
  // The topic of the control log was made again, as after somebody deleted it.
  const lost = await new SharedSite(1).make();
  for (const [topic, lane] of site.lanes.outputs) lost.lanes.outputs.set(topic, lane);
  lost.lanes.assigned.set('a', [0]);
  const again = await lost.open('a');
  lost.append(0, 15);
  await stream(again).tick();
  expect(lost.faults).toMatchObject([{ code: 'STREAM_RECORD' }]);
  expect(stream(again).counts.scored).toBe(0);
});

test('partitions that are added to the input are named, and those of the map continue', async () => {
  const site = await new SharedSite(1).make();
  site.lanes.assigned.set('a', [0]);
  const a = await site.open('a');
  Object.assign(a.lanes, { partitions: 2 });
  site.append(0, 5);
  await stream(a).tick();
  expect(site.faults).toMatchObject([{ code: 'STREAM_PARTITIONS', facts: { topic: INPUT, found: 2, known: 1 } }]);
  expect(stream(a).counts.scored).toBe(5);
  expect(stream(a).degraded().join()).toContain('partitions');
});

test('a shadow that keeps failing is degraded until it is over, and the live lane continues', async () => {
  const site = await new SharedSite(1).make();
  site.lanes.assigned.set('a', [0]);
  const a = await site.open('a');
  site.append(0, 5);
  await stream(a).tick();
  await stream(a).shadow(2);
  a.lanes.broken = streamTopics(scored).shadow;
  for (let round = 0; round < 3; round += 1) {
    site.append(0, 5);
    await stream(a).tick();
    expect(stream(a).degraded()).toEqual(['the shadow of stream scored does not go forward: the disk is full']);
  }
  expect(site.faults).toHaveLength(1);
  expect(stream(a).counts.scored).toBe(20);
  a.lanes.broken = null;
  await stream(a).tick();
  expect(stream(a).degraded()).toEqual([]);
  const shadows = site.lanes.outputs.get(streamTopics(scored).shadow)?.[0].records.length;
  expect(shadows).toBe(20);
});

test('a live lane that fails is tried again, and what was in doubt is not written twice', async () => {
  const site = await new SharedSite(1).make();
  site.lanes.assigned.set('a', [0]);
  const a = await site.open('a');
  site.append(0, 5);
  a.lanes.broken = streamTopics(scored).live;
  await stream(a).tick();
  await stream(a).tick();
  expect(site.faults).toHaveLength(1);
  expect(stream(a).degraded()).toEqual(['stream scored does not go forward: the disk is full']);
  a.lanes.broken = null;
  await stream(a).tick();
  expect(site.judge()).toMatchObject({ records: 5, outputs: 5, lost: 0, double: 0, wrong: 0 });
});

test('a claim whose fence comes after that of a later owner is given up', async () => {
  const site = await new SharedSite(1).make();
  const [a, b] = [await site.open('a'), await site.open('b')];
  site.lanes.assigned.set('a', [0]);
  site.append(0, 10);
  const { promise, resolve } = Promise.withResolvers<void>();
  a.lanes.asleep = promise;
  const asleep = stream(a).tick();
  site.lanes.assigned.set('b', [0]);
  await stream(b).tick();
  site.append(0, 10);
  resolve();
  await asleep;
  expect(stream(a).counts.scored).toBe(0);
  expect(stream(a).status.partitions).toMatchObject([{ here: false }]);
  // The later owner was fenced by it, and takes the partition once more.
  site.lanes.assigned.set('a', []);
  await stream(b).tick();
  await stream(b).tick();
  expect(site.faults).toEqual([]);
  expect(site.judge()).toMatchObject({ records: 20, outputs: 20, lost: 0, double: 0, wrong: 0 });
});
