import type { Command } from '../command.ts';

export const plan: Command = {
  name: ['plan'],
  summary: 'what the declaration would change in the environment, without changing it',
  words: '',
  arity: [0, 0],
  options: {},
  help: {},
  async run(call) {
    const { runPlan } = await import('../run-plan.ts');
    await runPlan(call);
  },
};
