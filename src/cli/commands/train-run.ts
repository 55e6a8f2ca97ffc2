import { type Command, unfinished } from '../command.ts';
import { choiceOption } from '../parse-option.ts';
import { runOptionHelp, runOptions } from '../run-options.ts';
import { runTraining } from '../run-training.ts';
import { spotOptionHelp, spotOptions } from '../spot-options.ts';

export const trainRun: Command = {
  name: ['train', 'run'],
  stop: [
    unfinished('RUN_STOPPED'),
    unfinished('RUN_FOLLOWED', 'with --on, for a job on one machine of Slurm, Kubernetes or Ray'),
  ],
  summary: 'runs a training program through kills and preemptions, from checkpoint to checkpoint',
  words: '<job.json> | -- <program> …',
  arity: [1, Number.POSITIVE_INFINITY],
  options: {
    ...runOptions,
    ...spotOptions,
    on: { type: 'string' },
    cancel: { type: 'boolean' },
    poll: { type: 'string' },
  },
  help: {
    ...runOptionHelp,
    ...spotOptionHelp,
    on: 'slurm, kubernetes, skypilot or ray: submits the job of a file there, and follows it (this machine)',
    cancel: 'with --on: ends the job that runs there',
    poll: 'with --on skypilot: seconds between two looks at the job (15)',
  },
  async run(call) {
    const { on } = call.options;
    if (on === undefined) return runTraining(call);
    const { trainingSystems } = await import('../../site/back-ends/training-systems.ts');
    const { runSubmitted } = await import('../run-submitted.ts');
    const system = choiceOption('on', on, trainingSystems);
    if (system !== undefined) await runSubmitted(call, system);
  },
};
