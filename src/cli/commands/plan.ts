import { command } from '../command.ts';

export const plan = command({
  name: ['plan'],
  summary: 'shows what the declaration would change in the environment; changes nothing',
  words: '',
  arity: [0, 0],
  async run(call) {
    const { runPlan } = await import('../operating/run-plan.ts');
    await runPlan(call);
  },
});
