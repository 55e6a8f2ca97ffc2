import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { environmentClock } from '../../src/environment/environment-clock.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { environmentIn, prepare, project } from '../loop/prediction-project.ts';
import { came, small } from '../models/small-project.ts';
import { Machine } from './machine.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 10);

test.each([30 * DAY, -2 * HOUR])(
  'predictions, labels and profiles continue while the clock is turned by %d ms, and after',
  async (aheadMs) => {
    const directory = mkdtempSync(join(tmpdir(), 'headrace-turned-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    await prepare(directory);
    const machine = new Machine(START);
    rmSync(join(directory, 'clock.json'), { force: true });
    const process: { open: Headrace | null } = { open: null };
    onTestFinished(() => process.open?.close());
    let next = 0;
    const open = async () => {
      const clock = environmentClock(directory, { keeps: true, clocks: machine.clocks() });
      process.open ??= await openHeadrace({ project, environment: environmentIn(directory), clock });
      return process.open;
    };
    const predict = async () => {
      const running = await open();
      for (const end = next + 5; next < end; next += 1) {
        const request = { name: `n${next}`, number: next, gaps: 0.5, category: 1 };
        await running.predict(small, `p${next}`, request, { at: machine.realTs });
        machine.run(1_000);
        const label = { id: `l${next}`, at: machine.realTs, asked: `p${next}`, good: next % 2 === 0 };
        expect(await running.ingest(came, [label])).toMatchObject({ accepted: 1, late: 0, refused: [] });
      }
      await running.tick();
      await running.flush();
    };
    await predict();
    for (const turned of [aheadMs, 0]) {
      machine.aheadMs = turned;
      await predict();
      await process.open?.close();
      process.open = null;
      await predict();
    }
    machine.run(2 * DAY);
    const running = await open();
    await running.flush();
    const quality = await running.realisedQuality(small, START - DAY, START + 3 * DAY);
    expect(quality.between(START - DAY, START + 3 * DAY)).toMatchObject({ predictions: next, labelled: next });
    const { log } = insideOf(running).stores;
    for (const topic of ['predictions-small@1', 'served-profiles@1']) {
      const last = Math.max(...(await log.ends(topic)).map(({ lastIngestTs }) => lastIngestTs));
      expect(last).toBeGreaterThan(START);
      expect(last).toBeLessThanOrEqual(machine.realTs);
    }
  },
);
