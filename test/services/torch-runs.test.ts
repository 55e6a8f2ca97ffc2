// @module-tag deep
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { drill } from '../../src/training/runner/drill.ts';
import { drillEvidence } from '../../src/training/runner/drill-evidence.ts';
import type { RunOutcome } from '../../src/training/runner/run-outcome.ts';
import { parseRunSpec } from '../../src/training/runner/run-spec.ts';
import { killRun, killsOf } from '../training/kill-run.ts';
import { localBackend, runCount, stepsOf } from '../training/run-program.ts';
import { addressOf } from './addresses.ts';

const folder = mkdtempSync(join(tmpdir(), 'torch-runs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const command: [string, ...string[]] = [
  'env',
  `PYTHONPATH=${addressOf('TORCH_PYTHONPATH')[0]}:${resolve('src/training/runner')}`,
  `LD_LIBRARY_PATH=${addressOf('TORCH_LIBRARIES')[0]}`,
  'GLOO_SOCKET_IFNAME=lo',
  '/usr/bin/python3',
  resolve('test/services/torch-train.py'),
];

const STEPS = 40;
const EVERY = 5;

/** The digest of the parameters after a run. */
function stateOf({ state, result }: RunOutcome): string {
  expect(state).toBe('completed');
  return (result as { result: { state: string } }).result.state;
}

let runs = 0;
function train(ranks: number, options: Readonly<Record<string, string | number | boolean>>, more: object = {}) {
  runs += 1;
  const spec = { command, ranks, targetSteps: STEPS, options: { every: EVERY, ...options }, ...more };
  return runCount(join(folder, String(runs)), spec);
}

const whole = new Map<number, Promise<string>>();

/** The parameters of a run of this many ranks without faults. */
function uninterrupted(ranks: number): Promise<string> {
  const known = whole.get(ranks) ?? train(ranks, {}).then(stateOf);
  whole.set(ranks, known);
  return known;
}

test('parameters are the same in every run, and with checkpoints in the background', async () => {
  expect(await train(1, {}).then(stateOf)).toBe(await uninterrupted(1));
  expect(await train(1, { asynchronous: true }).then(stateOf)).toBe(await uninterrupted(1));
});

test.each([false, true])(
  'a run that is killed at random ends with the same parameters (background: %s)',
  async (asynchronous) => {
    const state = await uninterrupted(1);
    const kills = Number(process.env['HEADRACE_TORCH_KILLS'] ?? 4);
    const counts = await killRun(seededRandom(asynchronous ? 3 : 4), kills, {
      spec: { command, targetSteps: STEPS, options: { every: EVERY, asynchronous, width: 64 } },
      check(killed, outcome) {
        expect(stateOf(outcome)).toBe(state);
        for (const [, steps] of stepsOf(killed, 0)) expect(steps).toEqual(steps.map((_, i) => (steps[0] ?? 0) + i));
      },
    });
    expect(killsOf(counts)).toBeGreaterThan(0);
  },
);

test.each([
  [2, 'killed'],
  [2, 'stopped'],
  [4, 'killed'],
] as const)(
  'a gang of %i over gloo of which a rank is %s ends, restarts once, and repeats no step',
  async (ranks, fault) => {
    const outcome = await train(ranks, { fault }, { hangMs: 15_000, graceMs: 1_000 });
    expect(stateOf(outcome)).toBe(await uninterrupted(ranks));
    expect(outcome.ledger.attempts).toHaveLength(2);
    expect(outcome.ledger.attempts[0]?.outcome).toBe(fault === 'killed' ? 'unknownKill' : 'hang');
    expect(outcome.ledger.lostSteps).toBeLessThanOrEqual(EVERY);
  },
);

test('the resume drill passes, and measures checkpoint and restart', async () => {
  const spec = parseRunSpec({ command, pollMs: 50, checkpointSeconds: 0.2, options: { every: EVERY } });
  const result = await drill({
    folder: join(folder, 'drill'),
    spec,
    evidence: drillEvidence(spec, { folder: resolve('.'), hardware: 'CPU', revision: null }),
    steps: STEPS,
    open: localBackend,
  });
  expect(result).toMatchObject({ passed: true, problems: [] });
  expect(result.checkpointBytes).toBeGreaterThan(0);
});
