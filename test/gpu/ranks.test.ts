import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/rng.ts';
import { traceFacts } from '../../src/gpu/analysis/trace-facts.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { rankFindings } from '../../src/gpu/join/late-ranks.ts';
import { joinRanks } from '../../src/gpu/join/ranks.ts';
import type { Source } from '../../src/gpu/source.ts';
import { type Capture, captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { insertGap } from './captures/alter.ts';
import { scanTrace } from './captures/scan-trace.ts';

const facts = trainingRun({
  fault: 'straggler',
  share: 0.3,
  steps: 6,
  kernelsPerStep: 60,
  kernelUs: 80,
  ranks: 3,
  random: seededRandom(9),
}).map((capture) => traceFacts(`rank-${capture.rank}`, scanTrace(new TextEncoder().encode(captureJson(capture))))[0]);

test('wire is the shortest duration over ranks, waiting is the rest, and the last arriver waits least', () => {
  const join = joinRanks(facts);
  if (join === undefined) throw new Error('not joined');
  for (const { wireUs, waitUs, last } of join.matched) {
    expect(Math.min(...waitUs)).toBe(0);
    expect(waitUs[last]).toBe(0);
    expect(wireUs).toBeGreaterThan(0);
  }
  expect(join.lastShare.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
});

test('clocks are aligned by the ends of collectives: ranks were 37 ms apart', () => {
  const offsets = joinRanks(facts)?.clockOffsetUs ?? [];
  expect(offsets[0]).toBe(0);
  for (const [rank, offset] of offsets.entries()) expect(Math.abs(offset + rank * 37_000)).toBeLessThan(3000);
});

test('the bandwidth of the largest collective is 2(n-1)/n of bytes over wire time', () => {
  const join = joinRanks(facts);
  if (join === undefined) throw new Error('not joined');
  const [finding] = rankFindings(facts, join);
  const value = (end: string) => Number(finding.evidence.find(({ what }) => what.endsWith(end))?.value);
  expect(value('busbw') / value('algbw')).toBeCloseTo(4 / 3, 1);
});

test('one rank, or ranks without numbers, are not joined', () => {
  expect(joinRanks(facts.slice(0, 1))).toBeUndefined();
  expect(joinRanks([facts[0], facts[0]])).toBeUndefined();
});

/** One rank comes late to the collectives of some steps, by this many microseconds; the others wait inside of them. */
function lateIn(capture: Capture, isLate: boolean, steps: readonly number[], us: number): Capture {
  const frame = { cat: 'python_function', name: 'train.py(7): log', tid: 100, pid: 4242 };
  let altered = capture;
  const collectives = capture.events.filter(({ cat, name }) => cat === 'kernel' && name.startsWith('nccl'));
  for (const step of steps.toReversed()) {
    const { ts, dur } = collectives[step];
    altered = insertGap(altered, isLate ? ts - 0.1 : ts + dur / 2, us, frame);
  }
  return altered;
}

test('a rank that is late in few steps or in all of them is found by the time that it costs', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 }),
      fc.subarray([2, 3, 4, 5, 6], { minLength: 1 }),
      fc.double({ min: 0.15, max: 3, noNaN: true }),
      (late, steps, loss) => {
        const options = { share: 0.2, steps: 8, kernelsPerStep: 40, kernelUs: 80, ranks: 3, random: () => 0.5 };
        const captures = trainingRun({ ...options, fault: 'exposed-communication' });
        // As deep as the loss of the whole run needs: one step that is much longer, or all by a little.
        const us = (loss * 40 * 80 * 7) / steps.length;
        const sources = captures.map((capture) => ({
          kind: 'trace' as const,
          path: `rank-${capture.rank}.json`,
          trace: scanTrace(new TextEncoder().encode(captureJson(lateIn(capture, capture.rank === late, steps, us)))),
        }));
        const found = diagnose(sources).findings.find(({ title }) => title.includes('is late'));
        expect(found?.scope.rank).toBe(late);
        expect(found?.shareOfStep ?? 0).toBeGreaterThan((0.6 * loss) / (1.3 + loss));
        expect(found?.shareOfStep ?? 1).toBeLessThan(loss / (1 + loss) + 0.05);
      },
    ),
    { numRuns: 15 },
  );
});

test('waiting in a step that is left out takes nothing off the communication of the others', () => {
  const options = { share: 0.2, steps: 12, kernelsPerStep: 40, kernelUs: 80, ranks: 3, random: () => 0.5 };
  const captures = trainingRun({ ...options, fault: 'exposed-communication' });
  // Two ranks are late, each in one step that is much longer for it: every rank waits.
  const late = captures.map((capture) =>
    lateIn(lateIn(capture, capture.rank === 1, [7], 12_000), capture.rank === 0, [4], 12_000),
  );
  const about = (all: readonly Capture[]) =>
    diagnose(
      all.map((capture) => ({
        kind: 'trace' as const,
        path: `rank-${capture.rank}.json`,
        trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
      })),
    ).findings;
  const exposed = (findings: ReturnType<typeof about>) =>
    findings.filter(({ title }) => title.startsWith('communication that no computation hides'));
  const [usual] = exposed(about(captures));
  expect(usual.shareOfStep).toBeCloseTo(0.2, 1);
  const found = about(late);
  expect(found.flatMap(({ title, scope }) => (title.includes('is late') ? [scope.rank] : []))).toHaveLength(2);
  expect(exposed(found).map(({ shareOfStep }) => shareOfStep)).toEqual([expect.closeTo(usual.shareOfStep ?? 0, 2)]);
});

test('waiting that is split over ranks comes before the wire where all of it together costs more', () => {
  // The last seed splits it in two parts, each of which is below the wire.
  for (const seed of [...Array.from({ length: 8 }, (_, i) => 9_600_000 + i), 8_000_097]) {
    const random = seededRandom(seed);
    const run = trainingRun({
      fault: 'uneven',
      share: 0.22 + 0.38 * random(),
      steps: 6 + randomBelow(random, 4),
      kernelsPerStep: 30 + randomBelow(random, 60),
      kernelUs: 40 + 120 * random(),
      ranks: 2 + randomBelow(random, 4),
      random,
    });
    const sources = run.map((capture): Source => {
      const trace = scanTrace(new TextEncoder().encode(captureJson(capture)));
      return { kind: 'trace', path: `rank-${capture.rank}.json`, trace };
    });
    expect(diagnose(sources).findings[0]?.title, `seed ${seed}`).toMatch(/in turn| is late/);
  }
});
