import { userInfo } from 'node:os';
import { fail } from '../../base/errors/fail.ts';
import { DAY_MS } from '../../base/time.ts';
import type { CollectedPython } from '../../ports/python-runtime.ts';
import { type Call, command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { type OpenRegistry, withRegistry } from '../open/with-stores.ts';
import { flag, option, parseValue } from '../options/option.ts';
import { duration, name, version } from '../options/option-kinds.ts';

export const registryVersions = command({
  name: ['registry', 'versions'],
  summary: 'lists the versions of a model with their lineage, or with --reads those that read a view',
  words: '[<model>]',
  arity: [0, 1],
  options: { reads: option(name('the name of a view'), 'a view of the project') },
  run: (call) =>
    withRegistry(call, async ({ project, registry }) => {
      const { lineageOf, versionsReading } = await import('../../registry/lineage.ts');
      const view = call.options.reads;
      if (view !== undefined) {
        const reading = await versionsReading(project, registry, view);
        if (call.json) return call.terminal.out(JSON.stringify(reading));
        for (const one of reading)
          call.terminal.out(`${one.model} ${one.version} ${one.service} ${one.aliases.join(',')}`.trimEnd());
        return;
      }
      const [model] = call.words;
      if (model === undefined)
        throw fail('CLI_OPTION', { command: 'registry versions', reason: 'name a model, or --reads a view' });
      const field = { of: 'attribute', key: 'name' } as const;
      const filter = [{ field, comparison: '=', value: model } as const];
      const { rows } = await registry.searchVersions({ filter, order: [], offset: 0, limit: 10_000 });
      const listed = rows.map((record) => ({ ...record, trained: undefined, lineage: lineageOf(record) }));
      if (call.json) return call.terminal.out(JSON.stringify(listed));
      for (const { version, aliases, lineage, digest } of listed)
        call.terminal.out(
          `${model} ${version} ${aliases.join(',') || '-'} ${lineage.service ?? '-'} ${digest?.slice(0, 12) ?? '-'}`,
        );
    }),
});

export const registryCopy = command({
  name: ['registry', 'copy'],
  summary: 'copies a version to the registry of another environment, by the digests of its files',
  words: '<model> <version> <environment>',
  arity: [3, 3],
  run: (call) =>
    withRegistry(call, async (from) => {
      const { copyVersion } = await import('../../registry/copy-version.ts');
      const [model = '', word = '', environment = ''] = call.words;
      const number = parseValue('version', version, word);
      const made = await withRegistry(
        call,
        (to) =>
          auditedCommand(to.environment.directory, 'registry copy', `${model} ${number}`, () =>
            copyVersion(from, to, { model, version: number, at: Date.now(), who: userInfo().username }),
          ),
        environment,
      );
      if (call.json) return call.terminal.out(JSON.stringify({ model, version: made, environment }));
      call.terminal.out(`${model} version ${number} is version ${made} of ${environment}`);
    }),
});

export const registryCollect = command({
  name: ['registry', 'collect'],
  summary: 'erases artefacts that no run, version, hold or upload needs, and unused environments of Python models',
  words: '',
  arity: [0, 0],
  options: {
    unused: option(duration, 'how long no worker was started in an environment', 7 * DAY_MS),
    purge: flag('instead of unused environments, remove deleted runs and experiments for good first'),
    older: option(duration, 'with --purge: how long ago they were deleted', 30 * DAY_MS),
  },
  run: (call) =>
    withRegistry(call, async (open) => {
      const { collectGarbage } = await import('../../registry/collect-garbage.ts');
      if (call.options.purge) return purgeRegistry(call, open, call.options.older);
      const collected = await auditedCommand(open.environment.directory, 'registry collect', 'artefacts', async () => ({
        ...(await collectGarbage(open, Date.now())),
        environments: await collectEnvironments(open, Date.now() - call.options.unused),
      }));
      if (call.json) return call.terminal.out(JSON.stringify(collected));
      call.terminal.out(
        `${collected.erased} of ${collected.seen} artefacts erased, ${collected.uploads} unfinished uploads removed`,
      );
      const { environments } = collected;
      if (environments?.isBusy === true) call.terminal.out('another process collects environments');
      else if (environments !== null)
        call.terminal.out(`${environments.removed} of ${environments.seen} Python environments removed`);
    }),
});

/** Removes environments of Python models that no served version needs; null: the environment serves no such models. */
async function collectEnvironments(open: OpenRegistry, before: number): Promise<CollectedPython | null> {
  const { collectPython } = await import('../../serving/models/collect-python.ts');
  const python = await open.site.python();
  return python === null ? null : collectPython(open, python, before);
}

/** Removes deleted runs and experiments, then the artefacts that nothing needs. */
async function purgeRegistry(call: Call, open: OpenRegistry, older: number): Promise<void> {
  const { purge } = await import('../../registry/purge.ts');
  const { collectGarbage } = await import('../../registry/collect-garbage.ts');
  const now = Date.now();
  const { purged, collected } = await auditedCommand(
    open.environment.directory,
    'registry purge',
    `older than ${older} ms`,
    async () => ({
      purged: await purge(open.registry, now - older),
      collected: await collectGarbage(open, now),
    }),
  );
  if (call.json) return call.terminal.out(JSON.stringify({ ...purged, ...collected }));
  call.terminal.out(
    `${purged.runs} runs and ${purged.experiments} experiments removed, ${collected.erased} artefacts erased`,
  );
}
