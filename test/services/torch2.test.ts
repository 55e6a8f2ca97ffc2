// @module-tag deep
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { adapterText } from '../../src/cost/profile/adapter-text.ts';
import { measureJob } from '../../src/cost/profile/measure-job.ts';
import { readSource } from '../../src/gpu/readers/read-source.ts';
import type { RunOutcome } from '../../src/training/runner/run-outcome.ts';
import { killRun } from '../training/kill-run.ts';
import { runCount, stepsOf } from '../training/run-program.ts';

// Its interpreter is downloaded by `npm run test:torch2` alone.
const python = process.env['TORCH2_PYTHON'];
if (python === undefined)
  console.warn('skipped: PyTorch 2 was not asked for; npm run test:torch2 downloads it and runs this suite');

const folder = mkdtempSync(join(tmpdir(), 'torch2-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'headrace_profile.py'), adapterText);

const STEPS = 20;
const EVERY = 5;
const command: [string, ...string[]] = [
  'env',
  `PYTHONPATH=${resolve('src/training/runner')}`,
  'GLOO_SOCKET_IFNAME=lo',
  python ?? '',
  resolve('test/services/torch-train.py'),
];

function stateOf({ state, result, tail }: RunOutcome): string {
  expect(state, tail.join('\n')).toBe('completed');
  return (result as { result: { state: string } }).result.state;
}

let runs = 0;
function train(ranks: number, options: Readonly<Record<string, string | number | boolean>>) {
  runs += 1;
  const spec = { command, ranks, targetSteps: STEPS, hangMs: 120_000, options: { every: EVERY, ...options } };
  return runCount(join(folder, String(runs)), spec);
}

function job(variables: Readonly<Record<string, string>>) {
  const program = resolve('test/services/torch-job.py');
  return [
    'env',
    `PYTHONPATH=${folder}`,
    ...Object.entries(variables).map((one) => one.join('=')),
    python ?? '',
    program,
  ];
}

describe.skipIf(python === undefined)('PyTorch 2', () => {
  test('checkpoints of torch.distributed.checkpoint, in the background too, resume to the same parameters', async () => {
    const plain = await train(1, {}).then(stateOf);
    expect(await train(1, { dcp: true, asynchronous: true }).then(stateOf)).toBe(plain);
    const checkpoints = join(folder, String(runs), 'checkpoints');
    const newest = readdirSync(checkpoints).sort().at(-1) ?? '';
    expect(readdirSync(join(checkpoints, newest))).toEqual(expect.arrayContaining(['.metadata', '__0_0.distcp']));
    await killRun(seededRandom(5), Number(process.env['HEADRACE_TORCH_KILLS'] ?? 2), {
      spec: { command, targetSteps: STEPS, options: { every: EVERY, dcp: true, asynchronous: true, width: 64 } },
      check(killed, outcome) {
        expect(stateOf(outcome)).toBe(plain);
        for (const [, steps] of stepsOf(killed, 0)) expect(steps).toEqual(steps.map((_, i) => (steps[0] ?? 0) + i));
      },
    });
  });

  test('a gang of two over gloo of which a rank is killed resumes from such a checkpoint', async () => {
    const whole = await train(2, { dcp: true }).then(stateOf);
    const outcome = await train(2, { dcp: true, asynchronous: true, fault: 'killed' });
    expect(stateOf(outcome)).toBe(whole);
    expect(outcome.ledger.attempts.length).toBe(2);
  });

  test('a trace of its profiler is read, and gives the profile of a job', async () => {
    const trace = join(folder, 'trace.json');
    const profile = await measureJob({
      command: job({ JOB_PAUSE: '0.002', JOB_K: '2' }),
      steps: 20,
      warm: 3,
      accumulation: 2,
      facts: {
        model: 'mlp',
        gpus: 1,
        accelerator: null,
        precision: 'fp32',
        revision: null,
        command: null,
        files: null,
      },
      mostRounds: 2,
      trace,
      limitMs: 1_800_000,
      nowMs: 0,
      progress: () => {},
      stopped: new Promise(() => {}),
    });
    expect(profile.microBatch).toBe(64);
    const source = await readSource(trace);
    expect(source.kind).toBe('trace');
    expect(readFileSync(trace, 'utf8').slice(0, 2_000)).toContain('schemaVersion');
  });

  test('a compiled model has the loss of the plain one', async () => {
    const [plain, compiled] = await Promise.all(
      ['', '1'].map((one) =>
        runCommand(
          job({ JOB_BATCHES: '20', JOB_COMPILE: one })[0] ?? '',
          job({ JOB_BATCHES: '20', JOB_COMPILE: one }).slice(1),
          { limitMs: null },
        ),
      ),
    );
    expect(plain?.code, plain?.output).toBe(0);
    expect(compiled?.code, compiled?.output).toBe(0);
    expect(Number(compiled?.stdout)).toBeCloseTo(Number(plain?.stdout), 5);
  });
});
