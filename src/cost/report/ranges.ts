import { densePeak } from '../plan/flops.ts';
import type { Job } from '../plan/job.ts';
import { noWaits } from '../plan/step-model.ts';
import type { JobFacts, Prior } from '../techniques/technique.ts';
import { techniques } from '../techniques/techniques.ts';
import { priorText } from './terminal.ts';

/** An answer without a profile: ranges from elsewhere, and the commands that make a profile. No figure of the job. */
export interface UnprofiledRanges {
  readonly job: string;
  readonly techniques: readonly {
    readonly name: string;
    readonly title: string;
    readonly priors: readonly Prior[];
    readonly measurement: string;
  }[];
  readonly commands: readonly string[];
}

/** The sourced ranges of each technique for a job that has no profile. */
export function unprofiledRanges(job: Job): UnprofiledRanges {
  const facts: Pick<JobFacts, 'accelerator' | 'precision' | 'gradients16Bit'> = {
    accelerator: job.accelerator,
    precision: job.precision ?? (densePeak(job.accelerator, 'tf32') === undefined ? 'fp32' : 'tf32'),
    gradients16Bit: job.gradients16Bit,
  };
  return {
    job: job.name,
    techniques: techniques.map(({ name, title, priors, measurement }) => ({
      name,
      title,
      priors: priors({ ...nothing, ...facts }),
      measurement,
    })),
    commands: [
      'headrace cost profile --adapter headrace_profile.py',
      'headrace cost profile --out profile.json -- python train.py',
      'headrace gpu diagnose --json trace.json > diagnosis.json',
      'headrace cost plan job.json --profile profile.json --profile diagnosis.json',
    ],
  };
}

/** Facts that no range depends on. */
const nothing: JobFacts = {
  step: {
    tensorS: 0,
    memoryS: 0,
    otherS: 0,
    loaderS: 0,
    loaderOverlap: 1,
    gapsS: 0,
    ...noWaits,
    allReduceS: 0,
    overlap: 0,
    backwardShare: 0,
    optimizerS: 0,
    accumulation: 1,
    microBatch: 1,
    gpus: 1,
  },
  accelerator: '',
  precision: null,
  loaderMeasured: false,
  kernelsKnown: false,
  traced: false,
  findings: [],
  otherLoader: null,
  memory: null,
  peakMemoryShare: null,
  qualityGate: null,
  deadlineRatio: 1,
  gradients16Bit: false,
  compiled: false,
  fusedAttention: null,
};

/** The ranges for a terminal. */
export function rangesText({ job, techniques: all, commands }: UnprofiledRanges): string {
  return [
    `${job}: without a profile there is no figure of this job. Ranges of other jobs, p10 / p50 / p90:`,
    ...all.flatMap(({ title, priors }) =>
      priors.length === 0
        ? [`  ${title}: follows from the profile alone`]
        : priors.map((prior) => `  ${title}, ${priorText(prior)}`),
    ),
    'A profile comes from:',
    ...commands.map((command) => `  ${command}`),
  ].join('\n');
}
