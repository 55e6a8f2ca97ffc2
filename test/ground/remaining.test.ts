import fc from 'fast-check';
import { expect, test } from 'vitest';
import { laneNames } from '../../scripts/deep/lanes.ts';
import { remainingSeconds, remainingText } from '../../scripts/deep/remaining.ts';
import { stepsOf } from '../../scripts/deep/steps.ts';

const seconds = fc.integer({ min: 1, max: 3_600 });

/** A lane whose steps each have a time on an earlier machine, and how many of them are done. */
const lanes = fc
  .array(seconds, { minLength: 1, maxLength: 12 })
  .chain((times) => fc.record({ times: fc.constant(times), done: fc.integer({ min: 0, max: times.length }) }));

function named(times: readonly number[]): Record<string, number> {
  return Object.fromEntries(times.map((time, index) => [`step ${index}`, time]));
}

test('a machine that is some times slower than that of the proof needs as many times what is left', () => {
  fc.assert(
    fc.property(lanes, fc.integer({ min: 1, max: 9 }), ({ times, done }, slower) => {
      const left = Object.keys(named(times)).slice(done);
      const expected = times.slice(done).reduce((sum, time) => sum + time, 0) * (done === 0 ? 1 : slower);
      const taken = named(times.slice(0, done).map((time) => time * slower));
      expect(remainingSeconds(left, named(times), taken)).toBeCloseTo(expected, 6);
    }),
  );
});

test('without a proof each step takes the mean of those that are done; nothing is known before the first', () => {
  fc.assert(
    fc.property(lanes, ({ times, done }) => {
      const left = Object.keys(named(times)).slice(done);
      const before = times.slice(0, done);
      const mean = before.reduce((sum, time) => sum + time, 0) / done;
      const found = remainingSeconds(left, {}, named(before));
      if (left.length === 0) expect(found).toBe(0);
      else if (done === 0) expect(found).toBeNull();
      else expect(found).toBeCloseTo(mean * left.length, 6);
    }),
  );
});

test('a suite that the proof does not have yet takes the mean of the others', () => {
  expect(remainingSeconds(['old', 'new'], { old: 60, other: 120 }, {})).toBe(60 + 90);
  expect(remainingSeconds(['old', 'new'], { old: 60, other: 120 }, { other: 240 })).toBe(120 + 240);
});

test('what is left is said in whole minutes, or that it is not known', () => {
  expect(remainingText(61)).toBe('about 2 min left');
  expect(remainingText(null)).toBe('how long it takes is not known');
});

test('no two steps of a lane have the same name, by which the time of each is kept', () => {
  const run = () => Promise.reject(new Error('nothing runs here'));
  for (const lane of laneNames) {
    const names = stepsOf(lane, run).map(({ name }) => name);
    expect(names.length, lane).toBeGreaterThan(0);
    expect(new Set(names).size, lane).toBe(names.length);
  }
  expect(stepsOf('all', run).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['engine-parity', 'stream-orders', 'described', 'site']),
  );
});
