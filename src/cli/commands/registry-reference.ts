import { resolve } from 'node:path';
import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { versionWord } from '../version-word.ts';
import { withRegistry } from '../with-registry.ts';

export const registryReference: Command = {
  name: ['registry', 'reference'],
  summary:
    'gives a version that an MLflow client logged its reference: the training set that its monitors compare with',
  words: '<model> <version> <training set>',
  arity: [3, 3],
  options: {},
  help: {},
  run: (call) =>
    withRegistry(call, async ({ project, environment, registry, artifacts }) => {
      const { giveReference } = await import('../../running/give-reference.ts');
      const [model = '', text = '', path = ''] = call.words;
      const version = versionWord(text);
      const place = { project, registry, artifacts, clock: Date.now };
      const done = await auditedCommand(
        environment.directory,
        'registry reference',
        `${model} version ${version}`,
        () => giveReference(place, { model, version, path: resolve(path) }),
      );
      if (call.json) return call.terminal.out(JSON.stringify(done));
      call.terminal.out(`${model} version ${version}: ${done.rows} rows, ${done.features} features are its reference`);
    }),
};
