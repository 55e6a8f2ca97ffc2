import { fail } from '../../base/errors/fail.ts';
import type { Command } from '../command.ts';
import { withRegistry } from '../with-registry.ts';

const NAME = /^[\w.:/-]{1,200}$/;

export const registryUpstream: Command = {
  name: ['registry', 'upstream'],
  summary: 'registers a version of a model that a server of models.upstreams answers',
  words: '<model> <upstream> <name there>',
  arity: [3, 3],
  options: { prompt: { type: 'string' }, features: { type: 'string' } },
  help: {
    prompt: 'file with the text for a chat model, {feature} for each feature',
    features: 'features in the order of the inputs there, a,b,…',
  },
  run: (call) =>
    withRegistry(call, async ({ environment, registry, artifacts }) => {
      const { readFile } = await import('node:fs/promises');
      const { registerUpstream } = await import('../../registry/register-upstream.ts');
      const [model = '', upstream = '', there = ''] = call.words;
      if (!Object.hasOwn(environment.models.upstreams, upstream))
        throw fail('MODEL_UPSTREAM', { model, version: 'to register', upstream });
      if (!NAME.test(there))
        throw fail('CLI_VALUE', { option: 'name there', value: there, wanted: 'a name of a model' });
      const { prompt, features } = call.options;
      const version = await registerUpstream(
        { registry, artifacts },
        {
          model,
          flavor: { upstream, model: there },
          prompt: prompt === undefined ? null : await readFile(String(prompt), 'utf8'),
          features: features === undefined ? null : String(features),
          at: Date.now(),
        },
      );
      if (call.json) return call.terminal.out(JSON.stringify({ model, version, upstream }));
      call.terminal.out(`${model} version ${version} is answered by ${upstream}`);
    }),
};
