import { command } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withRegistry } from '../open/with-stores.ts';
import { option } from '../options/option.ts';
import { name } from '../options/option-kinds.ts';

export const registryHolds = command({
  name: ['registry', 'holds'],
  summary: 'lists who keeps which versions from being deleted; --release ends a hold of a job that was killed',
  words: '',
  arity: [0, 0],
  options: { release: option(name('the name of a holder'), 'the holder, such as batch/1a2b…') },
  run: (call) =>
    withRegistry(call, async ({ registry, environment }) => {
      const { release } = call.options;
      if (release !== undefined)
        await auditedCommand(environment.directory, 'registry holds', `release ${release}`, () =>
          registry.release(release),
        );
      const holds = await registry.holds();
      if (call.json) return call.terminal.out(JSON.stringify(holds));
      for (const { holder, model, version } of holds) call.terminal.out(`${holder}  ${model} ${version}`);
    }),
});
