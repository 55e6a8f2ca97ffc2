import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Case, cases, confusionOf, recordedConfusionOf, scoresOf } from '../../scripts/gpu/confusion.ts';
import { type FuzzKind, fuzz, seeds } from '../../scripts/gpu/fuzz.ts';
import { fuzzNsys } from '../../scripts/gpu/fuzz-nsys.ts';
import { guidePage } from '../../scripts/gpu/guide.ts';
import { heldOutOf, heldOutScores } from '../../scripts/gpu/held-out.ts';
import { hasRecorded, readRecorded } from '../../scripts/gpu/recorded-captures.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { traceFacts } from '../../src/gpu/analysis/trace-facts.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { runs } from '../runs.ts';
import { insertGap, removeGaps } from './captures/alter.ts';
import { scanTrace } from './captures/scan-trace.ts';

const TEXTS = runs(40, 120);
const EXPORTS = runs(60, 150);

test('a sample of damaged texts of every kind gives answers or coded errors', () => {
  for (const kind of Object.keys(seeds) as FuzzKind[]) {
    const { answers, refusals } = fuzz(kind, TEXTS, 900_000);
    expect(answers + refusals).toBe(TEXTS);
  }
});

test('a sample of damaged nsys exports gives answers or coded errors', () => {
  const { answers, refusals } = fuzzNsys(EXPORTS, 900_000);
  expect(answers + refusals).toBe(EXPORTS);
  expect(Math.min(answers, refusals)).toBeGreaterThan(EXPORTS / 8);
});

test('a sample of made-up captures has the right first cause in 95 %, false warnings in 1 %', () => {
  const { right, falseWarnings } = scoresOf(confusionOf(runs(1, 3), 5000));
  expect(right).toBeGreaterThanOrEqual(0.95);
  expect(falseWarnings).toBeLessThanOrEqual(0.01);
});

test('a sample of held-out captures has no wrong cause, no "healthy" without evidence, and 95 % right verdicts', () => {
  const found = heldOutOf(runs(1, 3), [], 6_000_000);
  const scores = heldOutScores(found);
  expect(scores['wrong cause'], JSON.stringify([...found].map(([name, row]) => [name, ...row]))).toBe(0);
  expect(scores['healthy without evidence']).toBe(0);
  expect(scores.right).toBeGreaterThanOrEqual(0.95);
  for (const [name, row] of found) if (name.startsWith('sacct')) expect(row.get('wrong cause') ?? 0).toBe(0);
});

test.skipIf(!hasRecorded)('a sample of altered recordings has the right first cause', async () => {
  const recorded = await readRecorded(['hta_nccl_parser', 'tracelens_mi300_Falconsai']);
  expect(recorded).toHaveLength(2);
  const { right, falseWarnings } = scoresOf(recordedConfusionOf(recorded, runs(2, 8), 5000));
  expect(right).toBeGreaterThanOrEqual(0.95);
  expect(falseWarnings).toBe(0);
});

test('the page of made-up captures has a row for each kind', () => {
  const path = 'docs/reference/gpu-confusion.md';
  expect(existsSync(path)).toBe(true);
  const page = readFileSync(path, 'utf8');
  for (const which of Object.keys(cases) as Case[]) expect(page).toContain(`| ${which} |`);
});

test('a gap that is inserted makes the GPU idle for so much longer; taking gaps out leaves none', () => {
  const [capture] = trainingRun({
    fault: 'launch-overhead',
    share: 0.4,
    steps: 4,
    kernelsPerStep: 20,
    kernelUs: 50,
    ranks: 1,
    random: seededRandom(1),
  });
  if (capture === undefined) throw new Error('no capture');
  const idle = (one: typeof capture) => {
    const [facts] = traceFacts('x', scanTrace(new TextEncoder().encode(captureJson(one))));
    return facts.gaps.between().reduce((us, { start, end }) => us + end - start, 0);
  };
  const at = Math.max(...capture.events.filter(({ cat }) => cat === 'kernel').map(({ ts, dur }) => ts + dur)) + 0.1;
  const frame = { cat: 'python_function', name: 'wait', tid: 100, pid: 4242 };
  expect(idle(insertGap(capture, at, 1234, frame)) - idle(capture)).toBeCloseTo(1234, 0);
  const first = traceFacts('x', scanTrace(new TextEncoder().encode(captureJson(removeGaps(capture, 1)))))[0];
  const inner = first.gaps.between().filter(({ next, previous }) => next >= 0 && previous >= 0);
  for (const { start, end } of inner) expect(end - start).toBeLessThan(1.1);
});

test('the guide shows what its commands print', async () => {
  expect(readFileSync('docs/guide/gpu-at-45-percent.md', 'utf8')).toBe(await guidePage());
});
