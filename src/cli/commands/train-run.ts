import type { Command } from '../command.ts';
import { runOptionHelp, runOptions } from '../run-options.ts';
import { runTraining } from '../run-training.ts';
import { spotOptionHelp, spotOptions } from '../spot-options.ts';

export const trainRun: Command = {
  name: ['train', 'run'],
  summary: 'runs a training program through kills and preemptions, from checkpoint to checkpoint',
  words: '-- <program> …',
  arity: [1, Number.POSITIVE_INFINITY],
  options: { ...runOptions, ...spotOptions },
  help: { ...runOptionHelp, ...spotOptionHelp },
  run: runTraining,
};
