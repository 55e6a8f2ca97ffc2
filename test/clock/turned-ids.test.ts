import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Admission, LEAPS_KEPT } from '../../src/features/engine/admission.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const RULE = { latenessMs: 10 * MINUTE, futureSkewMs: MINUTE };

interface Step {
  /** Time that passes before it. */
  readonly afterMs: number;
  /** Sends an event of now, one of the last ones again, or turns the clock. */
  readonly kind: 'new' | 'again' | 'turn';
  readonly pick: number;
}

const AHEAD = [0, 2 * HOUR, DAY, 30 * DAY, 60 * DAY] as const;

const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.oneof(fc.integer({ min: 0, max: 5 * MINUTE }), fc.constant(0)),
  kind: fc.constantFrom('new', 'new', 'again', 'again', 'turn'),
  pick: fc.nat(1_000),
});

/** Verdicts over deliveries of a clock that is turned a few times and then right. */
function accepted(steps: readonly Step[], admission: Admission): readonly string[] {
  const sent: { readonly id: string; readonly ts: number }[] = [];
  const found: string[] = [];
  let realTs = Date.UTC(2026, 0, 1);
  let aheadMs = 0;
  let leaps = 0;
  const judge = (id: string, ts: number, offset: number) => {
    const verdict = admission.judge({ id, ts, ingestTs: realTs + aheadMs, row: [id] }, 0, offset);
    if (verdict === 'accepted') found.push(id);
  };
  steps.forEach(({ afterMs, kind, pick }, offset) => {
    realTs += afterMs;
    const next = AHEAD[pick % AHEAD.length];
    if (kind === 'turn' && (next < aheadMs || leaps < LEAPS_KEPT)) {
      if (next > aheadMs) leaps += 1;
      aheadMs = next;
    }
    if (kind === 'new') {
      sent.push({ id: `e${sent.length}`, ts: realTs });
      judge(`e${sent.length - 1}`, realTs, offset);
    }
    const known = sent[pick % Math.max(1, sent.length)];
    if (kind === 'again' && known !== undefined) judge(known.id, known.ts, offset);
  });
  aheadMs = 0;
  for (const [i, { id, ts }] of sent.entries()) judge(id, ts, steps.length + i);
  return found;
}

test('ids that a turned clock has passed are known when it comes back: bounded memory accepts what unbounded memory accepts', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const bounded = accepted(steps, new Admission(RULE));
      expect(bounded).toEqual(accepted(steps, new Admission(RULE, Number.POSITIVE_INFINITY)));
      expect(new Set(bounded).size).toBe(bounded.length);
    }),
    { numRuns: 500 },
  );
});

test('a source whose every pause is longer than its memory forgets all but the last bursts', () => {
  const admission = new Admission(RULE);
  const sizes: number[] = [];
  for (let burst = 0; burst < 20; burst += 1) {
    for (let i = 0; i < 100; i += 1) {
      const ts = burst * DAY + i;
      admission.judge({ id: `b${burst}-${i}`, ts, ingestTs: ts, row: [1] }, 0, burst * 100 + i);
    }
    sizes.push(admission.memoryBytes);
  }
  expect(sizes[19]).toBeLessThan((LEAPS_KEPT + 3) * sizes[0]);
  expect(admission.rememberedFrom(0)).toBeGreaterThanOrEqual((20 - LEAPS_KEPT - 2) * 100);
});
