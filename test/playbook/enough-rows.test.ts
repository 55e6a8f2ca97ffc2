import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SeenWindow, Span } from '../../src/ports/playbook-store.ts';
import { DAY_MS, HOUR_MS, MONDAY, PlaybookDesk } from './playbook-desk.ts';

const LEAST = 1000;
const COOLDOWN_MS = 10 * DAY_MS;
/** A tenth of the cooldown, as the reference says. */
const AGAIN_MS = DAY_MS;
const STEP_MS = 6 * HOUR_MS;
const TRIED = 30 * DAY_MS;

/** Predictions of a model: when they began, how many a day, and the windows through which a monitor sees them. */
const stream = fc.record({
  changedDaysAgo: fc.integer({ min: 0, max: 12 }),
  /** Before the change, or after it. */
  beganAfterChange: fc.integer({ min: -10, max: 6 }),
  labelDelayHours: fc.constantFrom(0, 3, 24, 96),
  windowHours: fc.constantFrom(1, 6, 24),
  windows: fc.integer({ min: 1, max: 4 }),
  /** The monitor sees this share of the rows: its version is not the only one that answers. */
  seen: fc.constantFrom(0, 0.5, 1, 3),
  aDay: fc.constantFrom(60, 110, 400, 5000),
});

const rejected = { isPassed: false, reason: 'no certain gain', slices: {} };

test('a training starts once its rows are there, says until then that it waits, and its lack of rows costs no cooldown', async () => {
  await fc.assert(
    fc.asyncProperty(stream, async (of) => {
      const delayMs = of.labelDelayHours * HOUR_MS;
      const desk = new PlaybookDesk(
        { retrain: { rows: LEAST, cooldown: '10d', perMonth: 2, sameCause: 2 }, gate: { recent: '1h' } },
        undefined,
        delayMs,
      );
      try {
        await desk.start();
        const changedAt = MONDAY - of.changedDaysAgo * DAY_MS;
        const began = changedAt + of.beganAfterChange * DAY_MS;
        const rowsIn = ({ from, to }: Span) => (Math.max(0, to - Math.max(from, began)) / DAY_MS) * of.aDay;
        const windowMs = of.windowHours * HOUR_MS;
        desk.findings = { drift: true };
        desk.gate = rejected;
        desk.rowsOf = rowsIn;
        desk.conceptWindows = () => {
          const end = Math.floor((desk.now - delayMs) / windowMs) * windowMs;
          return Array.from({ length: of.windows }, (_, i): SeenWindow => {
            const span = { from: end - (of.windows - i) * windowMs, to: end - (of.windows - i - 1) * windowMs };
            const rows = Math.ceil(of.seen * rowsIn(span));
            return { ...span, rows, state: 'drift', reason: 'drift', faults: [], drifted: [], changedAt };
          });
        };
        await desk.until(MONDAY + TRIED, STEP_MS);
        const tries = await desk.decided('retrain');
        const trained = tries.filter((at) => rowsIn({ from: changedAt, to: at - delayMs - HOUR_MS }) >= LEAST);
        const lacked = tries.filter((at) => !trained.includes(at));
        // The first instant at which the rows are there, and the first step from it on.
        const needMs = (LEAST / of.aDay) * DAY_MS + delayMs + HOUR_MS;
        const there = Math.max(MONDAY, Math.max(changedAt, began) + needMs);
        // Windows that see half of the rows take twice as long at most; then the count of a try helps.
        const slowMs = of.seen === 0.5 ? needMs : 0;
        const by = there + slowMs + AGAIN_MS + windowMs + 2 * STEP_MS;
        if (by < MONDAY + TRIED) expect(trained[0]).toBeLessThanOrEqual(by);
        for (const [i, at] of tries.entries()) {
          const least = lacked.includes(tries[i - 1]) ? AGAIN_MS : COOLDOWN_MS;
          if (i > 0) expect(at - tries[i - 1]).toBeGreaterThanOrEqual(least);
        }
        // Lacking rows asks nobody for a training without gain.
        if (trained.length < 2) expect(await desk.decided('ask')).toEqual([]);
        if (tries[0] !== MONDAY) expect(await desk.waits()).toContain('labels');
        expect(desk.done.filter((one) => one === 'train')).toHaveLength(trained.length);
        expect(await desk.replayed()).toMatchObject({ different: [] });
        expect(desk.faults).toEqual([]);
      } finally {
        await desk.close();
      }
    }),
    { numRuns: 25 },
  );
});
