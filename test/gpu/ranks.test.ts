import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { traceFacts } from '../../src/gpu/analysis/trace-facts.ts';
import { joinRanks, rankFindings } from '../../src/gpu/join/ranks.ts';
import { scanTrace } from '../../src/gpu/readers/trace/trace-scanner.ts';
import { captureJson } from '../../src/testing/gpu/capture.ts';
import { trainingRun } from '../../src/testing/gpu/training-run.ts';

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
