import { command, served } from '../command.ts';
import { registryOptions } from '../options/loaded-options.ts';
import { listenOptions, listenOptionsOf } from '../serve/listen-options-of.ts';

export const registry = command({
  name: ['registry'],
  stop: [served()],
  summary: 'serves the registry to MLflow clients in a separate process',
  words: '',
  arity: [0, 0],
  options: {
    ...registryOptions,
    ...listenOptions,
  },
  async run(call) {
    const listen = listenOptionsOf(call);
    return (await import('../serve/run-registry.ts')).runRegistry(call, listen, (url) =>
      call.terminal.out(call.json ? JSON.stringify({ url }) : `MLflow clients: MLFLOW_TRACKING_URI=${url}`),
    );
  },
});
