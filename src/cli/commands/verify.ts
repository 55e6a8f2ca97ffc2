import { command, unfinished } from '../command.ts';

export const verify = command({
  name: ['verify'],
  stop: [unfinished('VERIFY_STOPPED')],
  summary:
    'tests the stores and engines of an environment against the rules that Headrace needs, next to existing data',
  words: '',
  arity: [0, 0],
  // Loaded on use: help does not need it.
  run: async (call) => (await import('../operating/run-verify.ts')).runVerify(call),
});
