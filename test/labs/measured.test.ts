import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { allLabs } from '../../src/labs/all-labs.ts';
import { checkMeasured, supportedChoices } from '../../src/labs/judge.ts';
import type { Measured } from '../../src/labs/lab.ts';
import { startServer } from '../../src/server/http-server.ts';
import { runs } from '../runs.ts';

/** Measures a step of a lab on its own system. */
async function measured(labId: string, stepId: string, seed: number): Promise<Measured> {
  const lab = allLabs.find(({ id }) => id === labId) ?? allLabs[0];
  const step = lab.steps.find(({ id }) => id === stepId) ?? lab.steps[0];
  const folder = mkdtempSync(join(tmpdir(), 'headrace-lab-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const found = await step.measure({
    ...{ folder, random: seededRandom(seed), signal: new AbortController().signal, say: () => undefined },
    serve: (headrace) => startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB' }),
  });
  return checkMeasured(lab, step, found);
}

/** The figure that names the cause which each choice removes. */
const causes = [
  [
    'gpu-cluster',
    'one-trace',
    { loader: 'loader', launches: 'graphs', readBacks: 'readBack', copies: 'pinned', single: 'precision' },
  ],
  ['gpu-cluster', 'all-ranks', { late: 'node', inTurn: 'batches', wire: 'wire' }],
] as const;

test.each(causes)(
  'in the step %s %s the largest measured cause is the one whose removal helps',
  async (lab, step, choiceOf) => {
    const helped = new Set<string>();
    for (let seed = 1; seed <= runs(3, 40); seed += 1) {
      const found = await measured(lab, step, seed);
      const largest = Object.entries(choiceOf).toSorted(([a], [b]) => found.figures[b] - found.figures[a])[0];
      expect(supportedChoices(found), `seed ${seed}`).toEqual([largest[1]]);
      helped.add(largest[1]);
    }
    expect(helped.size, 'the hidden fault differs from run to run').toBeGreaterThan(1);
  },
);

test('in the step that takes the number apart, the smallest factor is the one to change, and the factors give the number', async () => {
  const choiceOf = { allocated: 'schedule', nonIdle: 'reap', busy: 'tune' } as const;
  for (let seed = 1; seed <= runs(2, 40); seed += 1) {
    const found = await measured('gpu-cluster', 'take-apart', seed);
    const { figures } = found;
    const smallest = Object.entries(choiceOf).toSorted(([a], [b]) => figures[a] - figures[b])[0];
    expect(supportedChoices(found)).toEqual([smallest[1]]);
    expect(figures['utilisation']).toBeCloseTo((figures['allocated'] * figures['nonIdle'] * figures['busy']) / 1e4, 6);
  }
});

test('the bill of a change follows its measured step, and a distilled model costs more than today', async () => {
  for (let seed = 1; seed <= runs(1, 20); seed += 1) {
    const { figures, losses } = await measured('training-bill', 'profile-first', seed);
    const { distil, ...changes } = losses;
    expect(Math.min(...Object.values(changes))).toBeLessThan(figures['today']);
    expect(Math.max(...Object.values(changes))).toBeCloseTo(figures['today'], 3);
    expect(distil).toBeGreaterThan(figures['today']);
    expect(figures['plannedLeast']).toBeLessThanOrEqual(figures['planned']);
    expect(figures['planned']).toBeLessThanOrEqual(figures['plannedMost']);
  }
});

test('of the policies on spot that watch the deadline one costs less than on demand, and the formula is near the best interval', async () => {
  for (let seed = 1; seed <= runs(1, 40); seed += 1) {
    const spot = await measured('training-bill', 'spot', seed);
    expect(Math.min(spot.losses['greedy'], spot.losses['hybrid'])).toBeLessThan(spot.losses['onDemand']);
    const { losses } = await measured('training-bill', 'checkpoints', seed);
    expect(losses['formula']).toBeLessThan(1.03 * Math.min(...Object.values(losses)));
  }
});

test('on a hot key, more nodes help little, and values next to every reader leave no node busier than others', async () => {
  const { figures, losses } = await measured('online-features', 'hot-key', 1);
  expect(supportedChoices({ figures, losses })).toEqual(['near']);
  expect(figures['busiest']).toBeGreaterThan(figures['hot']);
  expect(losses['divide'] / losses['near']).toBeCloseTo((figures['busiest'] / 100) * figures['nodes'], 6);
});

test('versions mix in a page that is asked in several calls, and never in one call; a plan answers a second reading alike', async () => {
  const mixed = await measured('inference-modes', 'mixed', 1);
  expect(supportedChoices(mixed)).toEqual(['page']);
  expect(mixed.losses['page']).toBe(0);
  const replay = await measured('inference-modes', 'replay', 1);
  expect(supportedChoices(replay)).toEqual(['plan']);
  expect(replay.losses['plan']).toBe(0);
  expect(replay.losses['newest'] + replay.losses['oldest'], 'each record has one first version of the two').toBeCloseTo(
    100,
    6,
  );
});

test('a killed worker costs a job that appends its rows twice or never, and one with a manifest none', async () => {
  for (let seed = 1; seed <= runs(1, 10); seed += 1) {
    const found = await measured('inference-modes', 'killed', seed);
    const { figures, losses } = found;
    expect(figures['kills']).toBe(1);
    expect(losses['again']).toBeCloseTo(figures['done'], 6);
    expect(losses['after']).toBeGreaterThan(0);
    expect(losses['before']).toBeGreaterThan(0);
    expect(losses['after'] + losses['before']).toBeCloseTo((100 * figures['note']) / figures['rows'], 6);
    expect(losses['parts']).toBe(0);
    expect(supportedChoices(found)).toEqual(['parts']);
  }
}, 120_000);
