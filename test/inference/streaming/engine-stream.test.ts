import { expect, test } from 'vitest';
import { fnv1a32 } from '../../../src/base/hash/fnv.ts';
import { EngineSite } from './engine-site.ts';

test('an answer is by the version of its offset, whenever and however often it is asked', async () => {
  const site = await new EngineSite(2).make();
  const stream = await site.open();
  await expect(stream.answer(site.request(0, 0))).rejects.toMatchObject({ code: 'MODEL_NONE' });
  await site.champion(1);
  await stream.tick();
  site.append(0, 10);
  site.append(1, 4);
  const first = await stream.answer(site.request(0, 3));
  expect(first).toMatchObject({ version: 1, error: null, plan: 0 });
  await stream.roll({ version: 2 });
  site.append(0, 10);
  site.append(1, 1);
  expect(
    stream.status.partitions.map(({ intervals }) => intervals.map(({ from, version }) => [from, version])),
  ).toEqual([
    [
      [0, 1],
      [10, 2],
    ],
    [
      [0, 1],
      [4, 2],
    ],
  ]);
  // A replay has the answer of the first time; the rest the new version's.
  expect(await stream.answer(site.request(0, 3))).toEqual(first);
  expect((await stream.answer(site.request(0, 9))).version).toBe(1);
  expect((await stream.answer(site.request(0, 10))).version).toBe(2);
  expect((await stream.answer(site.request(1, 4))).version).toBe(2);
  // So does another process, and one that has just started.
  const other = await site.open();
  for (const offset of [0, 9, 10, 19])
    expect(await other.answer(site.request(0, offset))).toEqual(await stream.answer(site.request(0, offset)));
  expect(stream.counts.scored).toBeGreaterThan(5);
  // Offset 3 was asked again: its vector is recorded once by the process that answered.
  expect(site.used.filter((id) => id === 'scored/0/3')).toHaveLength(1);
});

test('while a plan is open, records at or above its barriers are held; those below are answered', async () => {
  const site = await new EngineSite(1).make();
  const stream = await site.open();
  await site.champion(1);
  await stream.tick();
  site.append(0, 10);
  await site.plan(2, 10);
  const below = await stream.answer(site.request(0, 9));
  expect(below.version).toBe(1);
  site.append(0, 5);
  const held = stream.answer(site.request(0, 12));
  await site.afterLooks(3, async () => {
    expect(stream.held).toBe(1);
    await stream.commit();
  });
  expect((await held).version).toBe(2);
  expect(stream.held).toBe(0);
});

test('keys of a canary are those of its buckets, and an abort leaves no trace', async () => {
  const site = await new EngineSite(1).make();
  const stream = await site.open();
  await site.champion(1);
  await stream.tick();
  await stream.roll({ version: 3, cutOver: { kind: 'canary-keys', buckets: 5_000, salt: 's' } });
  site.append(0, 14);
  const versions = new Set<number>();
  for (let offset = 0; offset < 14; offset += 1) {
    const { version } = await stream.answer(site.request(0, offset));
    const key = JSON.stringify([site.nameAt(offset)]);
    expect(version).toBe(fnv1a32(`s\n${key}`) % 10_000 < 5_000 ? 3 : 1);
    versions.add(version);
  }
  expect(versions.size).toBe(2);
  await site.plan(4, 0);
  await stream.abort();
  expect(stream.status.rollingTo).toBeNull();
  await expect(stream.roll({ version: 2, cutOver: { kind: 'at-event-time', at: 5 } })).rejects.toMatchObject({
    code: 'STREAM_CUT_OVER',
  });
  await expect(stream.shadow()).rejects.toMatchObject({ code: 'STREAM_ENGINE' });
});

test('a record that cannot be scored has its error, and what is no request is refused', async () => {
  const site = await new EngineSite(1).make();
  const stream = await site.open();
  await site.champion(1);
  await stream.tick();
  site.append(0, 1);
  const poison = JSON.stringify({
    partition: 0,
    offset: 0,
    request: { name: 'poison', number: 0, gaps: null, category: 1 },
  });
  expect(await stream.answer(poison)).toMatchObject({
    score: null,
    error: expect.stringContaining('MODEL_TENSOR'),
    version: 1,
  });
  expect(stream.counts).toMatchObject({ scored: 0, rejected: 1 });
  for (const text of [
    '',
    '{}',
    '{"partition":-1,"offset":0,"request":{}}',
    '{"partition":0,"offset":0,"request":{},"more":1}',
    '[]',
  ])
    await expect(stream.answer(text)).rejects.toMatchObject({ code: 'MODEL_TENSOR' });
  await expect(stream.answer(site.request(5, 0))).rejects.toMatchObject({ code: 'STREAM_PARTITIONS' });
});

test('an event again has no score, and names the first over a roll between the two; one that is not judged yet waits', async () => {
  const site = await new EngineSite(1).make();
  const stream = await site.open();
  await site.champion(1);
  await stream.tick();
  site.append(0, 3);
  const scores = [];
  for (let offset = 0; offset < 3; offset += 1) scores.push(await stream.answer(site.request(0, offset)));
  await stream.roll({ version: 2 });
  const again = stream.answer(site.request(0, 3));
  await site.afterLooks(2, () => site.appendAgain(0, 1));
  expect(await again).toMatchObject({
    score: null,
    first: 1,
    version: 2,
    error: expect.stringMatching(/^STREAM_REPEAT/),
  });
  expect(scores.every(({ score, first }) => score !== null && first === undefined)).toBe(true);
  // A process that has just started knows it too.
  expect(await (await site.open()).answer(site.request(0, 3))).toEqual(await again);
  expect(stream.counts).toMatchObject({ scored: 3, duplicate: 1 });
});

test('a champion that moves is followed at the ends of the input', async () => {
  const site = await new EngineSite(1).make();
  const stream = await site.open();
  await site.champion(1);
  await stream.tick();
  site.append(0, 7);
  await site.champion(2);
  await stream.tick();
  expect(stream.status.partitions[0].intervals).toMatchObject([
    { from: 0, version: 1 },
    { from: 7, version: 2 },
  ]);
  const again = await stream.reprocess(0, { from: 0, to: 7 });
  expect(again.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1, 1, 1]);
});
