import fc from 'fast-check';
import { expect, test } from 'vitest';
import { causeOfMissing } from '../../src/monitoring/monitor/missing-cause.ts';

const HOUR_MS = 3_600_000;
const FROM = 100 * HOUR_MS;
const window = { from: FROM, to: FROM + HOUR_MS };

/** Requests of an hour that come while `usual` came in the hours before. */
const requests = (usual: number, now: number) => ({
  since: 0,
  countOf: (from: number) => (from === FROM ? now : usual),
});

const missing = (rows: number, was: number) =>
  ({ kind: 'missing', columns: ['a'], text: 'missing', rows, was }) as const;

test('a share of missing values that rises as sound rows stay away is no fault; more missing rows than before are', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2_000, max: 50_000 }),
      fc.double({ min: 0.01, max: 0.3, noNaN: true }),
      fc.double({ min: 0.05, max: 0.6, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (usual, was, left, share) => {
        // The rows that lack the value come as before; of the others a part stays away.
        const lacking = Math.round(was * usual);
        const now = Math.round(left * usual) + lacking;
        const judged = { ...window, rows: now };
        const isFewer = now < (2 / 3) * usual;
        expect(causeOfMissing(missing(lacking, was), judged, requests(usual, now), []) !== null).toBe(isFewer);
        // Twice as many as before, and more than chance has.
        const more = Math.round(lacking * (2 + share) + 4 * Math.sqrt(lacking));
        expect(
          causeOfMissing(missing(more, was), { ...window, rows: more + now }, requests(usual, more + now), []),
        ).toBeNull();
        // As many requests as ever: whatever is missing is a cause.
        expect(
          causeOfMissing(missing(lacking, was), { ...window, rows: usual }, requests(usual, usual), []),
        ).toBeNull();
      },
    ),
  );
});

test('features of a source whose rows did not come are missing for that reason', () => {
  const volume = { kind: 'volume', columns: ['a', 'b'], source: 'asked', text: 'few', rows: null } as const;
  const judged = { ...window, rows: 10 };
  expect(causeOfMissing(missing(5, 0), judged, null, [volume])).toBe('the rows of asked did not come');
  expect(causeOfMissing({ ...missing(5, 0), columns: ['c'] }, judged, null, [volume])).toBeNull();
  expect(causeOfMissing({ ...volume, columns: ['a'] }, judged, null, [volume])).toBeNull();
});
