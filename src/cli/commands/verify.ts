import type { Command } from '../command.ts';

export const verify: Command = {
  name: ['verify'],
  summary:
    'runs the rules that Headrace counts on against the stores and engines of an environment, beside what they hold',
  words: '',
  arity: [0, 0],
  options: {},
  help: {},
  // Loaded here: help does without.
  run: async (call) => (await import('../run-verify.ts')).runVerify(call),
};
