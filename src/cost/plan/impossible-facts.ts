import { fail } from '../../base/errors/fail.ts';
import type { JobProfile } from '../profile/read-profile.ts';
import { cardOf } from '../techniques/cards.ts';
import type { Job } from './job.ts';
import { stateBytes } from './memory-model.ts';

/** Measured peaks may be a little above the memory that a driver reports. */
const MEMORY_TOLERANCE = 1.02;

/** Refuses a job whose facts cannot all be true. Error: COST_JOB. */
export function checkJob(job: Job): void {
  const { spotUsd, onDemandUsd, precision, accelerator, checkpoint, hours, sweep, gpus, gpusPerNode, traceNodes } = job;
  const card = cardOf(accelerator);
  const steps = job.transformer === undefined ? null : job.transformer.tokensPerStep / job.transformer.sequence;
  const wrong = [
    spotUsd !== undefined && onDemandUsd !== undefined && spotUsd > onDemandUsd
      ? `spot for ${spotUsd} USD is dearer than on demand for ${onDemandUsd} USD`
      : null,
    card !== null && (precision === 'tf32' || precision === 'fp8' || precision === 'bf16') && !card[precision]
      ? `${card.chip} has no units for ${precision}`
      : null,
    checkpoint !== undefined && checkpoint.blockedS >= hours * 3600
      ? `one checkpoint of ${checkpoint.blockedS} s is as long as the job of ${hours} h`
      : null,
    checkpoint !== undefined && checkpoint.restartS >= hours * 3600
      ? `a restart of ${checkpoint.restartS} s is as long as the job of ${hours} h`
      : null,
    sweep !== undefined && sweep.hoursPerTrial > 100 * hours
      ? `a trial of ${sweep.hoursPerTrial} h is 100 times as long as the job of ${hours} h`
      : null,
    gpus < gpusPerNode && traceNodes !== undefined && traceNodes > 1
      ? `${gpus} GPUs are a part of one node, and traceNodes asks for ${traceNodes}`
      : null,
    steps !== null && steps < 1 ? 'a step has fewer tokens than one sequence' : null,
    job.deadlineHours !== undefined && job.deadlineHours > 24 * 366 ? 'the deadline is more than a year away' : null,
  ].find((reason) => reason !== null);
  if (wrong !== undefined && wrong !== null) throw fail('COST_JOB', { reason: wrong });
}

/** Refuses a profile that the job cannot have. Error: COST_JOB. */
export function checkMeasured(job: Job, { peakMemoryBytes, gpuMemoryBytes, step, measuredStepS }: JobProfile): void {
  const parameters = job.parameters ?? job.transformer?.parameters;
  const states =
    parameters === undefined
      ? null
      : stateBytes({
          parameters,
          optimizer: 'sgd',
          precision: 'mixed',
          shards: job.gpus,
          stage: job.zeroStage,
        });
  const least = states === null ? 0 : states.parameters;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const wrong = [
    peakMemoryBytes !== null && gpuMemoryBytes !== null && peakMemoryBytes > MEMORY_TOLERANCE * gpuMemoryBytes
      ? `its peak of ${gib(peakMemoryBytes)} is above the memory of ${gib(gpuMemoryBytes)}`
      : null,
    peakMemoryBytes !== null && least > peakMemoryBytes
      ? `its parameters alone take ${gib(least)}, and the measured peak is ${gib(peakMemoryBytes)}`
      : null,
    step.accumulation * step.loaderS > 1000 * measuredStepS
      ? 'its loader takes 1,000 times as long as a step that it is part of'
      : null,
    measuredStepS > job.hours * 3600 ? `a step of ${measuredStepS} s is longer than the job of ${job.hours} h` : null,
  ].find((reason) => reason !== null);
  if (wrong !== undefined && wrong !== null) throw fail('COST_JOB', { reason: wrong });
}
