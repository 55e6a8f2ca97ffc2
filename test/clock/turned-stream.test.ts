import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { environmentClock } from '../../src/environment/environment-clock.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { event, judge, PARTITIONS, project, registerVersions } from '../inference/stream-site.ts';
import { asked, small } from '../models/small-project.ts';
import { Machine } from './machine.ts';

const HOUR = 3_600_000;

test.each([
  { aheadMs: 720 * HOUR, isChecked: true },
  { aheadMs: 720 * HOUR, isChecked: false },
  { aheadMs: -2 * HOUR, isChecked: true },
])('a stream scores every record once and rolls while its clock is turned: %j', async ({ aheadMs, isChecked }) => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-turned-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await registerVersions(directory);
  const machine = new Machine(Date.UTC(2026, 0, 1));
  const faults: unknown[] = [];
  const open = (): Promise<Headrace> => {
    const clocks = machine.clocks();
    const clock = isChecked ? environmentClock(directory, { keeps: true, clocks }) : clocks.wall;
    const onFault = (error: unknown) => void faults.push(error);
    return openHeadrace({ project, environment: { directory, partitions: PARTITIONS }, clock, onFault });
  };
  let headrace = await open();
  onTestFinished(() => headrace.close());
  let sent = 0;
  const send = async (): Promise<void> => {
    const events = Array.from({ length: 12 }, () => {
      sent += 1;
      machine.run(1_000);
      return event(sent, machine.realTs);
    });
    await headrace.ingest(asked, events);
    await headrace.tick();
  };
  await send();
  for (const [turned, version] of [
    [aheadMs, 2],
    [0, 3],
  ] as const) {
    machine.aheadMs = turned;
    await send();
    await headrace.promote(small, version);
    await send();
    await headrace.close();
    headrace = await open();
    await send();
  }
  await headrace.tick();
  const { partitions, rollingTo } = headrace.stream('scored').status;
  expect(rollingTo).toBeNull();
  expect(partitions.map(({ waiting }) => waiting)).toEqual([0, 0, 0]);
  expect(partitions.every(({ intervals }) => intervals.at(-1)?.version === 3)).toBe(true);
  await headrace.close();
  expect(judge(directory)).toMatchObject({ records: sent, lost: 0, double: 0, wrong: 0, versions: [1, 2, 3] });
  if (isChecked) expect(judge(directory).outputs).toBe(sent);
  expect(faults).toEqual([]);
});
