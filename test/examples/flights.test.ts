import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Flight, replaySteps, type Step } from '../../examples/flights/flights.ts';
import { runOptions } from '../../examples/flights/options.ts';
import { firstFlights, stormDays } from '../../examples/flights/parts.ts';
import { holdDirectory } from '../../examples/flights/running-file.ts';

const MINUTE_MS = 60_000;

/** Flights in order of their schedule, at whole minutes, as the data set has them. */
const flights = fc
  .array(fc.record({ after: fc.nat({ max: 90 }), delay: fc.integer({ min: -20, max: 300 }) }), { maxLength: 60 })
  .map((rows): readonly Flight[] => {
    let minute = 0;
    return rows.map(({ after, delay }, i) => {
      minute += after;
      const scheduled = minute * MINUTE_MS;
      const departed = scheduled + Math.max(delay, 0) * MINUTE_MS;
      return { id: `f${i}`, scheduled, departed, delay, distance: 1, origin: 'ORD', destination: 'DFW' };
    });
  });

async function stepsOf(all: readonly Flight[], stepMs: number): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for await (const step of replaySteps(all, stepMs)) steps.push(step);
  return steps;
}

test('a replay has each schedule and each departure once, in its step, and no step twice, whatever their length', async () => {
  await fc.assert(
    fc.asyncProperty(flights, fc.constantFrom(1, 5, 10, 60), async (all, minutes) => {
      const stepMs = minutes * MINUTE_MS;
      const steps = await stepsOf(all, stepMs);
      const ids = (of: readonly Flight[]) => of.map(({ id }) => id).sort();
      expect(ids(steps.flatMap(({ scheduled }) => scheduled))).toEqual(ids(all));
      expect(ids(steps.flatMap(({ departed }) => departed))).toEqual(ids(all));
      steps.forEach(({ at, scheduled, departed }, i) => {
        if (i > 0) expect(at - steps[i - 1].at).toBe(stepMs);
        for (const flight of scheduled) expect(Math.floor((flight.scheduled - at) / stepMs)).toBe(0);
        for (const flight of departed) expect(Math.floor((flight.departed - at) / stepMs)).toBe(0);
      });
    }),
  );
});

test('without options it replays the short part and stays up; --full is the half year', async () => {
  expect(runOptions([])).toEqual({ limit: null, port: null, exits: false, json: false });
  expect(runOptions(['--full', '--exit'])).toMatchObject({ limit: 3_000_000, exits: true });
  expect(runOptions(['--limit', '60000', '--port', '0'])).toMatchObject({ limit: 60_000, port: 0 });
  const part = await stormDays();
  expect(part.flights).toBeGreaterThan(30_000);
  expect(part.from < part.trainedTo && part.trainedTo < part.liveFrom).toBe(true);
  expect(firstFlights(3_000_000)).toMatchObject({ flights: 3_000_000, stepMs: MINUTE_MS, share: 1 });
});

test('a second replay next to a living one is refused by its process; that of a dead one is taken', () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-held-'));
  try {
    writeFileSync(join(directory, 'replay.pid'), String(process.ppid));
    expect(holdDirectory(directory)).toEqual({ pid: process.ppid });
    writeFileSync(join(directory, 'replay.pid'), String(2 ** 22 + 1));
    const held = holdDirectory(directory);
    expect(held).not.toHaveProperty('pid');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
