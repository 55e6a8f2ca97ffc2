import { command, served } from '../command.ts';
import { devOptions } from '../options/loaded-options.ts';

export const dev = command({
  name: ['dev'],
  stop: [served()],
  summary: 'everything on this machine only; starts again when a file of the project changes',
  words: '',
  arity: [0, 0],
  options: devOptions,
  async run(call) {
    const { runDev } = await import('../serve/run-dev.ts');
    return runDev(call);
  },
});
