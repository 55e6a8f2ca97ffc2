import { type Command, served } from '../command.ts';
import { serverHelp, serverOptions } from '../run-server.ts';

export const dev: Command = {
  name: ['dev'],
  stop: [served()],
  summary: 'everything on this machine only; starts again when a file of the project changes',
  words: '',
  arity: [0, 0],
  options: { ...serverOptions, reset: { type: 'boolean' } },
  help: { ...serverHelp, reset: 'remove the data of the environment first; API keys and the audit log stay' },
  async run(call) {
    const { runDev } = await import('../run-dev.ts');
    return runDev(call);
  },
};
