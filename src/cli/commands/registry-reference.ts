import { resolve } from 'node:path';
import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withRegistry } from '../open/with-stores.ts';
import { parseValue } from '../options/option.ts';
import { version } from '../options/option-kinds.ts';

export const registryReference = command({
  name: ['registry', 'reference'],
  summary:
    'gives a version that an MLflow client logged its reference: the training set that its monitors compare with',
  words: '<model> <version> <training set>',
  arity: [3, 3],
  run: (call) =>
    withRegistry(call, async ({ project, environment, registry, artifacts }) => {
      const { giveReference } = await import('../../running/give-reference.ts');
      const [model = '', word = '', path = ''] = call.words;
      const number = parseValue('version', version, word);
      const place = { project, registry, artifacts, clock: Date.now };
      const done = await auditedCommand(environment.directory, 'registry reference', `${model} version ${number}`, () =>
        giveReference(place, { model, version: number, path: resolve(path) }),
      );
      if (call.json) return call.terminal.out(JSON.stringify(done));
      call.terminal.out(`${model} version ${number}: ${done.rows} rows, ${done.features} features are its reference`);
    }),
});
