import type { Command } from '../command.ts';

export const plan: Command = {
  name: ['plan'],
  summary: 'shows what the declaration would change in the environment; changes nothing',
  words: '',
  arity: [0, 0],
  options: {},
  help: {},
  async run(call) {
    const { runPlan } = await import('../run-plan.ts');
    await runPlan(call);
  },
};
