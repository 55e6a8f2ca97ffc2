import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { fail } from '../base/errors/fail.ts';
import { embeddedTrainer, type KeptStep } from './embedded-trainer.ts';
import { JOB_FORMAT, type TrainingJob, type TrainingResult } from './job/training-job.ts';
import type { ProgramRun } from './runner/program-run.ts';
import type { TrainedModel } from './trained-model.ts';
import type { TrainerStep } from './trainer-steps.ts';
import type { TrainingFrame } from './training-frame.ts';

/** Format of state.json in a checkpoint of an embedded trainer. */
const STATE_FORMAT = 1;

const stateSchema = z.object({ format: z.literal(STATE_FORMAT), bound: z.string(), state: z.unknown() });

export interface EmbeddedRun {
  readonly job: TrainingJob;
  readonly frame: TrainingFrame;
  /** Digest of the training set. */
  readonly set: string;
  /** Where model.onnx and result.json go. */
  readonly directory: string;
  /** Null: outside of a run, without checkpoints. */
  readonly run: ProgramRun | null;
}

/**
 * Trains a job by an embedded trainer, a step at a time: heartbeats and checkpoints go to the run, and the model and result to the
 * directory. Resumed from any checkpoint it gives the same files, bit by bit. False: the run was asked to end before.
 * Errors: TRAINING_KIND, TRAINING_OPTION, TRAINING_DATA, TRAINING_CHECKPOINT.
 */
export async function runEmbedded({ job: given, frame, set, directory, run }: EmbeddedRun): Promise<boolean> {
  const trainer = embeddedTrainer(given);
  const job = run === null ? given : jobOfRun(given, run, trainer.stepOption);
  const bound = boundOf(job, set, trainer.stepOption);
  const kept = run?.resume == null ? null : readKept(run.resume, run.resumedStep, bound);
  const rows = frame.labels.length;
  const steps = trainer.steps(frame, job, kept);
  let last: TrainerStep | null = null;
  const save = ({ step, state }: TrainerStep) =>
    run?.save(step, step * rows, { 'state.json': `{"format":${STATE_FORMAT},"bound":"${bound}","state":${state()}}` });
  let next = steps.next(false);
  for (; next.done !== true; next = steps.next(false)) {
    last = next.value;
    run?.heartbeat(last.step, last.step * rows, last.loss);
    if (run?.checkpointDue() === true) save(last);
    if (run?.stopping === true) return false;
    // Signals come between steps.
    await turn();
  }
  // A run that gets more steps later, as a promoted trial does, resumes from here.
  if (last !== null) save(last);
  writeResult(directory, frame.names, next.value);
  const loss = next.value.metrics['loss'] ?? Number.NaN;
  const done = Math.max(last?.step ?? kept?.step ?? 0, run?.targetSteps ?? 0);
  run?.heartbeat(done, done * rows, loss);
  run?.done(done, next.value.metrics);
  return true;
}

/** Options of the run that the trainer has replace the declared ones; the last step of the run bounds the trainer's. */
function jobOfRun(job: TrainingJob, { options, targetSteps }: ProgramRun, stepOption: string): TrainingJob {
  const { trial: _, budget: __, fullBudget: ___, schedule: ____, ...own } = options;
  const bounded = targetSteps === null ? {} : { [stepOption]: targetSteps };
  return { ...job, options: { ...job.options, ...own, ...bounded } };
}

/** A checkpoint stands for its training set, features and options. The number of steps may grow. */
function boundOf({ task, features, options }: TrainingJob, set: string, stepOption: string): string {
  const { [stepOption]: _, ...rest } = options;
  return createHash('sha256')
    .update(canonicalJson(z.json().parse({ task, features, options: rest, set })))
    .digest('hex');
}

function readKept(path: string, step: number, bound: string): KeptStep {
  const parsed = stateSchema.safeParse(JSON.parse(readFileSync(join(path, 'state.json'), 'utf8')));
  if (!parsed.success) throw fail('TRAINING_CHECKPOINT', { path, reason: 'its state has another format' });
  if (parsed.data.bound !== bound)
    throw fail('TRAINING_CHECKPOINT', { path, reason: 'it has another training set or other options' });
  return { step, state: parsed.data.state, path };
}

function writeResult(directory: string, features: readonly string[], trained: TrainedModel): void {
  const { onnx, input, output, metrics, parity } = trained;
  writeFileSync(join(directory, 'model.onnx'), onnx);
  const result: TrainingResult = { format: JOB_FORMAT, model: 'model.onnx', input, output, features, metrics, parity };
  writeFileSync(join(directory, 'result.json'), JSON.stringify(result));
}
