import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { embeddedTrainer } from '../../src/training/embedded-trainer.ts';
import { JOB_FORMAT, type TrainingJob } from '../../src/training/job/training-job.ts';
import { keptTraining } from '../../src/training/kept-training.ts';
import type { TrainedModel } from '../../src/training/trained-model.ts';
import type { TrainerStep } from '../../src/training/trainer-steps.ts';
import type { TrainingFrame } from '../../src/training/training-frame.ts';
import { runs } from '../runs.ts';
import { frameOf, jobCommand, writeEmbeddedJob } from './embedded-program.ts';
import { killEmbedded } from './kill-embedded.ts';
import { killsOf } from './kill-run.ts';
import { runCount } from './run-program.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'embedded-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const jobOf = (frame: TrainingFrame, options: TrainingJob['options']): TrainingJob => ({
  format: JOB_FORMAT,
  model: 'm',
  task: 'binary',
  trainingSet: 'set.parquet',
  features: frame.names,
  options,
});

interface Whole {
  readonly kept: readonly { readonly step: number; readonly text: string }[];
  readonly model: TrainedModel;
}

/** Trains from a state to the end, and keeps the state of each step. */
function trainFrom(frame: TrainingFrame, job: TrainingJob, from: { step: number; text: string } | null): Whole {
  const kept: { step: number; text: string }[] = [];
  const resume = from === null ? null : { step: from.step, state: JSON.parse(from.text), path: 'here' };
  const steps = embeddedTrainer(job).steps(frame, job, resume);
  for (let next = steps.next(false); ; next = steps.next(false)) {
    if (next.done === true) return { kept, model: next.value };
    const { step, state }: TrainerStep = next.value;
    kept.push({ step, text: state() });
  }
}

test.each([
  ['boosted trees', { kind: 'boostedTrees', trees: 12, rowShare: 0.6, featureShare: 0.7 }, 600],
  ['boosted trees that stop early', { kind: 'boostedTrees', trees: 60, earlyStopping: { rounds: 3, share: 0.3 } }, 600],
  ['a logistic regression', { kind: 'logisticRegression', categorical: ['b'] }, 600],
  ['a logistic regression that begins from a part of its rows', { kind: 'logisticRegression' }, 1 << 16],
])('%s resumed from the state of any step give the same bytes, and the same later states', (_, options, rows) => {
  const frame = frameOf(3, rows);
  const job = jobOf(frame, options);
  const whole = trainFrom(frame, job, null);
  expect(whole.kept.length).toBeGreaterThan(2);
  expect(whole.kept.map(({ step }) => step)).toEqual(whole.kept.map((__, index) => index + 1));
  for (const from of whole.kept) {
    const resumed = trainFrom(frame, job, from);
    expect(resumed.model.onnx).toEqual(whole.model.onnx);
    expect(resumed.model.metrics['loss']).toBe(whole.model.metrics['loss']);
    expect(resumed.kept).toEqual(whole.kept.slice(from.step));
  }
});

test('a state of another trainer is TRAINING_CHECKPOINT', () => {
  const frame = frameOf(3, 200);
  const trees = trainFrom(frame, jobOf(frame, { kind: 'boostedTrees', trees: 2 }), null).kept[0];
  const logistic = jobOf(frame, { kind: 'logisticRegression' });
  expect(() => trainFrom(frame, logistic, trees ?? null)).toThrow(
    expect.objectContaining({ code: 'TRAINING_CHECKPOINT' }),
  );
});

test('a run with more steps continues from the last one; another training set is refused', async () => {
  const options = { kind: 'boostedTrees', trees: 6 };
  const command = jobCommand(await writeEmbeddedJob(folder, frameOf(5, 400), options));
  const whole = join(folder, 'whole');
  const grown = join(folder, 'grown');
  for (const path of [whole, grown]) mkdirSync(path);
  expect(await runCount(whole, { command, targetSteps: 6 })).toMatchObject({ state: 'completed', step: 6 });
  expect(await runCount(grown, { command, targetSteps: 3 })).toMatchObject({ state: 'completed', step: 3 });
  const { ledger, result } = await runCount(grown, { command, targetSteps: 6 });
  expect(ledger.attempts.map(({ fromStep, toStep }) => [fromStep, toStep])).toEqual([
    [0, 3],
    [3, 6],
  ]);
  expect(result).toMatchObject({ step: 6, result: { trees: 6 } });
  expect(readFileSync(join(grown, 'model.onnx'))).toEqual(readFileSync(join(whole, 'model.onnx')));
  await writeEmbeddedJob(folder, frameOf(6, 400), options);
  const other = await runCount(grown, { command, targetSteps: 9 });
  expect(other).toMatchObject({ state: 'failed', class: 'userError' });
  expect(other.tail.join()).toContain('TRAINING_CHECKPOINT');
});

test('a trainer that is killed at random, with its controller and inside checkpoint writes, gives the same bytes', async () => {
  const seed = Number(process.env['HEADRACE_SEED'] ?? 5);
  const counts = await killEmbedded(seededRandom(seed), runs(2, 10));
  expect(killsOf(counts), `seed ${seed}`).toBeGreaterThan(0);
});

test('a file that is no job is TRAINING_JOB_FILE', () => {
  const [program, ...args] = jobCommand(join(folder, 'absent.json'));
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, expect.stringContaining('TRAINING_JOB_FILE')]);
});

test('a checkpoint of the first format is resumed, and gives the model of that release', async () => {
  const fixture = resolve('test/fixtures/embedded-run-1');
  cpSync(join(fixture, 'checkpoints'), join(folder, 'checkpoints'), { recursive: true });
  const { ledger } = await runCount(folder, { command: jobCommand(join(fixture, 'job.json')), targetSteps: 4 });
  expect(ledger.attempts).toMatchObject([{ fromStep: 2, toStep: 4, outcome: 'completed' }]);
  expect(readFileSync(join(folder, 'model.onnx'))).toEqual(readFileSync(join(fixture, 'model.onnx')));
});

test('an unfinished training of the first format is found; one of another declaration is refused', () => {
  cpSync(resolve('test/fixtures/unfinished-training-1'), folder, { recursive: true });
  const path = join(folder, 'late-mjv2s6io', 'train.json');
  const text = readFileSync(path, 'utf8');
  const declaration = 'd'.repeat(64);
  const refused = expect.objectContaining({ code: 'TRAINING_RESUME' });
  expect(() => keptTraining(folder, 'late', declaration)).toThrow(refused);
  writeFileSync(path, text.replace('/data/training-set.parquet', path));
  expect(keptTraining(folder, 'late', declaration)).toMatchObject({ model: 'late', trainingSet: { rows: 384 } });
  expect(() => keptTraining(folder, 'late', 'e'.repeat(64))).toThrow(refused);
  expect(() => keptTraining(folder, 'other', declaration)).toThrow(refused);
});
