import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { partitionOf } from '../../src/base/hash/partition-of.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { asked } from '../models/small-project.ts';
import { event, judge, PARTITIONS, project, registerVersions } from './stream-site.ts';

const START = Date.UTC(2026, 0, 1);

async function openSite() {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-rolls-'));
  await registerVersions(directory);
  const clock = { now: START };
  const headrace = await openHeadrace({
    project,
    environment: { directory, partitions: PARTITIONS },
    clock: () => clock.now,
    onFault: (error) => {
      throw error;
    },
  });
  onTestFinished(() => headrace.close());
  let sent = 0;
  /** Sends this many events; those of a partition are left out. */
  const send = async (count: number, except: number | null = null) => {
    for (let left = count; left > 0; ) {
      sent += 1;
      const one = event(sent, clock.now + 1_000);
      if (partitionOf(one.id, PARTITIONS) === except) continue;
      clock.now += 1_000;
      left -= 1;
      await headrace.ingest(asked, [one]);
    }
    await headrace.tick();
  };
  const stream = headrace.stream('scored');
  const map = () => stream.status.partitions.map(({ intervals }) => intervals.map(({ version }) => version).join());
  const phases = () => stream.status.plans.map(({ phase, reached }) => (reached ? 'reached' : phase));
  await send(30);
  return { directory, clock, headrace, stream, send, map, phases };
}

test('a cut-over that no partition has reached does not hold a later one, and is cancelled in all partitions or in none', async () => {
  const { directory, headrace, stream, send, map, phases } = await openSite();
  const typo = { kind: 'at-offset', offsets: [1e9, 1e9, 1e9] } as const;
  await stream.roll({ version: 2, cutOver: typo });
  await headrace.tick();
  expect([map(), phases()]).toEqual([['1,2', '1,2', '1,2'], ['committed']]);
  await send(9);
  await stream.roll({ version: 3, cutOver: { kind: 'immediate' } });
  await send(9);
  expect([map(), phases()]).toEqual([
    ['1,3', '1,3', '1,3'],
    ['superseded', 'reached'],
  ]);

  await stream.roll({ version: 4, cutOver: typo });
  await headrace.tick();
  await stream.cancel();
  await headrace.tick();
  expect(map()).toEqual(['1,3', '1,3', '1,3']);
  expect(phases().slice(-2)).toEqual(['cancelled', 'committed']);
  await expect(stream.cancel()).rejects.toMatchObject({ code: 'STREAM_CUT_OVER' });

  // One partition reaches it: it stays in all.
  const [{ next }] = stream.status.partitions;
  await stream.roll({ version: 4, cutOver: { kind: 'at-offset', offsets: [next, 1e9, 1e9] } });
  await send(9);
  await stream.cancel();
  await headrace.tick();
  expect(map()).toEqual(['1,3,4', '1,3,4', '1,3,4']);

  const passed = { kind: 'at-offset', offsets: [0, 1e9, 1e9] } as const;
  await expect(stream.roll({ version: 1, cutOver: passed })).rejects.toMatchObject({
    code: 'STREAM_CUT_OVER',
    facts: { reason: expect.stringContaining('partition 0 is at offset') },
  });
  await stream.roll({ version: 1, cutOver: { kind: 'immediate' } });
  await send(12);
  expect(map()).toEqual(['1,3,4,1', '1,3,1', '1,3,1']);
  await headrace.close();
  expect(judge(directory)).toMatchObject({ lost: 0, double: 0, wrong: 0, versions: [1, 3, 4] });
});

test('a plan for an event time waits for no partition that is idle for the declared time, and another plan takes its place', async () => {
  const { directory, clock, headrace, stream, send, map, phases } = await openSite();
  const at = clock.now + 3_500;
  await stream.roll({ version: 2, cutOver: { kind: 'at-event-time', at, idleMs: 60_000 } });
  await send(8, 1);
  expect(stream.status.unacknowledged).toEqual([1]);
  clock.now = at + 59_999;
  await headrace.tick();
  expect(stream.status.unacknowledged).toEqual([1]);
  clock.now += 1;
  await headrace.tick();
  expect([stream.status.rollingTo, map(), phases()]).toEqual([null, ['1,2', '1,2', '1,2'], ['reached']]);

  // Next year, by a typo.
  const never = { kind: 'at-event-time', at: at + 400 * 86_400_000 } as const;
  await stream.roll({ version: 3, cutOver: never });
  await send(4);
  await expect(stream.roll({ version: 1 })).rejects.toMatchObject({ code: 'STREAM_PLAN' });
  await stream.roll({ version: 1, cutOver: { kind: 'immediate' }, replace: true });
  await send(9);
  expect([map(), phases()]).toEqual([
    ['1,2,1', '1,2,1', '1,2,1'],
    ['reached', 'superseded', 'reached'],
  ]);
  await headrace.close();
  expect(judge(directory)).toMatchObject({ lost: 0, double: 0, wrong: 0, versions: [1, 2] });
});
