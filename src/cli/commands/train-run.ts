import { command, unfinished } from '../command.ts';
import { trainRunOptions } from '../training/run-options.ts';
import { runTraining } from '../training/run-training.ts';

export const trainRun = command({
  name: ['train', 'run'],
  stop: [
    unfinished('RUN_STOPPED'),
    unfinished('RUN_FOLLOWED', 'with --on, for a job on one machine of Slurm, Kubernetes or Ray'),
  ],
  summary: 'runs a training program through kills and preemptions, from checkpoint to checkpoint',
  words: '<job.json> | -- <program> …',
  arity: [1, Number.POSITIVE_INFINITY],
  options: trainRunOptions,
  async run(call) {
    const { on } = call.options;
    if (on === undefined) return runTraining(call);
    const { runSubmitted } = await import('../training/run-submitted.ts');
    await runSubmitted(call, on);
  },
});
