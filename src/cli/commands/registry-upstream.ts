import { fail } from '../../base/errors/fail.ts';
import { command } from '../command.ts';
import { withRegistry } from '../open/with-stores.ts';
import { option, parseValue } from '../options/option.ts';
import { column, file, type Kind, list, name } from '../options/option-kinds.ts';

const there: Kind<string> = {
  ...name('a name of a model'),
  parse: (word) => (/^[\w.:/-]{1,200}$/.test(word) ? word : undefined),
};

export const registryUpstream = command({
  name: ['registry', 'upstream'],
  summary: 'registers a version of a model that a server of models.upstreams answers',
  words: '<model> <upstream> <name there>',
  arity: [3, 3],
  options: {
    prompt: option(file, 'file with the text for a chat model, {feature} for each feature'),
    features: option(list(column), 'features in the order of the inputs there, a,b,…'),
  },
  run: (call) =>
    withRegistry(call, async ({ environment, registry, artifacts }) => {
      const { readFile } = await import('node:fs/promises');
      const { registerUpstream } = await import('../../registry/register-upstream.ts');
      const [model = '', upstream = '', word = ''] = call.words;
      if (!Object.hasOwn(environment.models.upstreams, upstream))
        throw fail('MODEL_UPSTREAM', { model, version: 'to register', upstream });
      const flavor = { upstream, model: parseValue('name there', there, word) };
      const { prompt, features } = call.options;
      const version = await registerUpstream(
        { registry, artifacts },
        {
          model,
          flavor,
          prompt: prompt === undefined ? null : await readFile(prompt, 'utf8'),
          features: features?.join(',') ?? null,
          at: Date.now(),
        },
      );
      if (call.json) return call.terminal.out(JSON.stringify({ model, version, upstream }));
      call.terminal.out(`${model} version ${version} is answered by ${upstream}`);
    }),
});
