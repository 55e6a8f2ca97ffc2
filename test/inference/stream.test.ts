import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventSource, streamInference, text, time } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { asked, small } from '../models/small-project.ts';
import { event, judge, PARTITIONS, project, registerVersions } from './stream-site.ts';

const START = Date.UTC(2026, 0, 1);

async function site() {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stream-'));
  await registerVersions(directory);
  const clock = { now: START };
  const faults: unknown[] = [];
  const open = () =>
    openHeadrace({
      project,
      environment: { directory, partitions: PARTITIONS },
      clock: () => clock.now,
      onFault: (error) => faults.push(error),
    });
  let sent = 0;
  const send = async (headrace: Awaited<ReturnType<typeof open>>, count: number) => {
    const events = Array.from({ length: count }, () => {
      sent += 1;
      clock.now += 1_000;
      return event(sent, clock.now);
    });
    await headrace.ingest(asked, events);
    return events;
  };
  return { directory, clock, faults, open, send };
}

test('every record has one output, of the version that the map has for it, over every kind of cut-over', async () => {
  const { directory, clock, faults, open, send } = await site();
  let headrace = await open();
  const stream = () => headrace.stream('scored');
  await send(headrace, 40);
  await headrace.tick();
  expect(stream().status.partitions.map(({ waiting }) => waiting)).toEqual([0, 0, 0]);

  // The champion is followed: the barrier is the end of each partition at the plan.
  const before = stream().status.partitions.map(({ next }) => next);
  await headrace.promote(small, 2);
  await headrace.tick();
  expect(stream().status.partitions.map(({ intervals }) => intervals.at(-1)?.from)).toEqual(before);

  // A record of that event time is not there yet: the plan waits, and the records before it are scored.
  const at = clock.now + 20_500;
  await stream().roll({ version: 3, cutOver: { kind: 'at-event-time', at } });
  await send(headrace, 10);
  await headrace.tick();
  expect(stream().status.rollingTo).toBe(3);
  await expect(stream().roll({ version: 4 })).rejects.toMatchObject({ code: 'STREAM_PLAN' });
  await send(headrace, 60);
  await headrace.tick();
  expect(stream().status.rollingTo).toBeNull();

  // Half of the keys, then everything; a restart in between.
  await stream().roll({ version: 4, cutOver: { kind: 'canary-keys', buckets: 5_000, salt: 's' } });
  await headrace.tick();
  await send(headrace, 60);
  await headrace.tick();
  await headrace.close();
  headrace = await open();
  await stream().roll({ version: 1, cutOver: { kind: 'immediate' } });
  await send(headrace, 30);
  await headrace.tick();
  await headrace.tick();

  await expect(stream().roll({ version: 9 })).rejects.toMatchObject({ code: 'REGISTRY_VERSION' });
  await expect(stream().roll({ version: 2, cutOver: { kind: 'at-offset', offsets: [1] } })).rejects.toMatchObject({
    code: 'STREAM_CUT_OVER',
  });
  const { next } = stream().status.partitions[0];
  const map = await stream().reprocess(0, { from: 0, to: next });
  const forced = await stream().reprocess(0, { from: 0, to: next, version: 4 });
  expect(new Set(forced.map(({ version }) => version))).toEqual(new Set([4]));
  await expect(stream().reprocess(0, { from: 0, to: next + 1 })).rejects.toMatchObject({ code: 'STREAM_RANGE' });
  await headrace.close();
  expect(faults).toEqual([]);
  expect(judge(directory)).toMatchObject({
    records: 200,
    outputs: 200,
    lost: 0,
    double: 0,
    wrong: 0,
    plans: 4,
    versions: [1, 2, 3, 4],
  });

  const again = await open();
  const live = await again.stream('scored').reprocess(0, { from: 0, to: next });
  expect(live.map(({ offset, score, version, plan }) => ({ offset, score, version, plan }))).toEqual(
    map.map(({ offset, score, version, plan }) => ({ offset, score, version, plan })),
  );
  await again.close();
});

test('a record is scored with the features of its instant, as an online prediction then is', async () => {
  const { open, send } = await site();
  const headrace = await open();
  const events = await send(headrace, 30);
  await headrace.tick();
  const outputs = (
    await Promise.all(
      headrace
        .stream('scored')
        .status.partitions.map(({ next }, partition) =>
          next === 0 ? [] : headrace.stream('scored').reprocess(partition, { from: 0, to: next }),
        ),
    )
  ).flat();
  expect(outputs).toHaveLength(30);
  for (const { id, score, at } of outputs) {
    const found = events.find((one) => one.id === id);
    if (found === undefined) throw new Error(id);
    const { name, number, gaps, category } = found;
    expect((await headrace.predict(small, `p${id}`, { name, number, gaps, category }, { at })).score).toBe(score);
  }
  await headrace.close();
});

test('a shadow scores the same records into its own lane', async () => {
  const { open, send } = await site();
  const headrace = await open();
  await send(headrace, 10);
  await headrace.tick();
  await headrace.stream('scored').shadow(3);
  await send(headrace, 20);
  await headrace.tick();
  expect(headrace.stream('scored').status.shadow).toBe(3);
  expect(headrace.status().streams['scored']?.shadow).toBe(3);
  await headrace.close();
});

test.each([
  ['buckets', { kind: 'canary-keys', buckets: 0.5, salt: 's' }],
  ['offsets', { kind: 'at-offset', offsets: [0, 1.5, 0] }],
  ['the event time', { kind: 'at-event-time', at: Number.NaN }],
] as const)('a plan whose %s is no such number is refused, and the stream opens again', async (_, cutOver) => {
  const { open, send, faults } = await site();
  const headrace = await open();
  await send(headrace, 10);
  await headrace.tick();
  await expect(headrace.stream('scored').roll({ version: 2, cutOver })).rejects.toMatchObject({
    code: 'STREAM_CUT_OVER',
  });
  await headrace.tick();
  await headrace.close();
  const again = await open();
  expect(again.stream('scored').status.rollingTo).toBeNull();
  await again.close();
  expect(faults).toEqual([]);
});

test('a source without the columns of the request is named', () => {
  const other = eventSource('other', { id: 'id', time: 'at', columns: { id: text(), at: time(), name: text() } });
  // The types of the declaration refuse it too.
  const options = { model: small, from: other, to: 'x' } as never;
  expect(() => streamInference('bad', options)).toThrow(expect.objectContaining({ code: 'STREAM_SPINE' }));
});
