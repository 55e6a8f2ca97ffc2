import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';

interface Lateness {
  readonly worker: number;
  /** How many iterations from which place, and how many times as long they take. */
  readonly from: number;
  readonly count: number;
  readonly depth: number;
}

/** Iteration times of workers that differ by 3 %, and of those that are late for a while. */
function iterations(workers: number, count: number, late: readonly Lateness[], random: Random): string {
  const rows = ['worker,time,batch_time_norm'];
  for (let time = 0; time < count; time += 1)
    for (let worker = 0; worker < workers; worker += 1) {
      const slow = late.find((one) => one.worker === worker && time >= one.from && time < one.from + one.count);
      rows.push(`${worker},${time},${(100 * (0.985 + 0.03 * random()) * (slow?.depth ?? 1)).toFixed(3)}`);
    }
  return `${rows.join('\n')}\n`;
}

function about(text: string) {
  return diagnose([parseText('iterations', 'iterations.csv', text)]);
}

const runs = Number(process.env['HEADRACE_GPU_RUNS'] ?? 25);

test('a late worker of every length and depth is found by the time that it costs', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 20, max: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.15, max: 2, noNaN: true }),
      fc.integer({ min: 1, max: 1e6 }),
      (workers, count, length, loss, seed) => {
        const random = seededRandom(seed);
        const late = Math.max(Math.round(length * count), 1);
        // As deep as the loss needs: from a slight one all the time to one iteration that takes very long.
        const depth = 1 + (loss * count) / late;
        const worker = Math.floor(random() * workers);
        const from = Math.floor(random() * (count - late + 1));
        const { findings } = about(iterations(workers, count, [{ worker, from, count: late, depth }], random));
        expect(findings).toHaveLength(1);
        expect(findings[0].title).toContain(`workers ${worker} are late`);
        expect(Math.abs((findings[0].shareOfStep ?? 0) - loss / (1 + loss))).toBeLessThan(0.05);
      },
    ),
    { numRuns: runs },
  );
});

test('a short and heavy lateness comes before a long and slight one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: 8 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 1e6 }),
      (workers, short, seed) => {
        const random = seededRandom(seed);
        const heavy = { worker: 1, from: 100, count: short, depth: 1 + 120 / short };
        const slight = { worker: 2, from: 0, count: 240, depth: 1.2 };
        const { findings } = about(iterations(workers, 240, [heavy, slight], random));
        expect(findings[0].title).toContain('workers 1, 2 are late');
      },
    ),
    { numRuns: runs },
  );
});

test('a worker that is late the whole time is persistent, from 1.13 times on', () => {
  for (const depth of [1.13, 1.16, 1.2, 1.4, 2, 5, 40])
    for (const workers of [2, 3, 5, 8]) {
      const { findings } = about(
        iterations(workers, 100, [{ worker: 1, from: 0, count: 100, depth }], seededRandom(workers)),
      );
      expect(findings[0].evidence.map(({ what }) => what).join()).toContain('worker 1, persistent');
    }
});

test('workers that differ and are not late are no finding, nor are long iterations of all of them', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 20, max: 200 }),
      fc.integer({ min: 1, max: 1e6 }),
      (workers, count, seed) => {
        const random = seededRandom(seed);
        // Each worker saves once, at another time.
        const saves = Array.from({ length: workers }, (_, worker) => ({
          worker,
          from: worker * 2,
          count: 1,
          depth: 1.5,
        }));
        expect(about(iterations(workers, count, [], random)).findings).toEqual([]);
        if (count > 50) expect(about(iterations(workers, count, saves, random)).findings).toEqual([]);
      },
    ),
    { numRuns: 20 },
  );
});

test('workers that begin before those they are compared with are late all the same', () => {
  const rows = ['worker,time,batch_time_norm'];
  for (let time = 0; time < 100; time += 1)
    for (const [worker, value, from] of [
      ['a', 10, 1],
      ['b', 10, 1],
      ['c', 20, 0],
      ['d', 20, 0],
    ] as const)
      if (time >= from) rows.push(`${worker},${time},${value}`);
  const { findings } = about(`${rows.join('\n')}\n`);
  expect(findings).toHaveLength(1);
  expect(findings[0].title).toContain('workers c, d are late');
  expect(findings[0].shareOfStep).toBeCloseTo(0.5, 2);
});
