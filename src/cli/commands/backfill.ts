import { fail } from '../../base/errors/fail.ts';
import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { instantOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

export const backfill: Command = {
  name: ['backfill'],
  summary:
    'computes the closed tiles of a stream view, or a run of a batch view, anew from the history, and verifies a sample; or goes back one run',
  words: '<view>',
  arity: [1, 1],
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    'roll-back': { type: 'boolean' },
    'accept-loss': { type: 'boolean' },
  },
  help: {
    from: 'only tiles that begin at or after this instant: epoch ms or a UTC date',
    to: 'only tiles that end at or before this instant',
    'roll-back': 'serve the generation of a batch view before the newest again',
    'accept-loss': 'switch to the run of a batch view however many keys of the generation before it lacks',
  },
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const [name] = call.words;
      const views = headrace.project.views.filter((view) => view.kind !== 'onDemandView');
      const view = views.find((one) => one.name === name || `${one.name}@${one.version}` === name);
      if (view === undefined) throw fail('VIEW_UNKNOWN', { view: name, known: views.map((one) => one.name) });
      const rollsBack = call.options['roll-back'] === true;
      for (const option of ['roll-back', 'accept-loss'])
        if (call.options[option] === true && view.kind !== 'batchView')
          throw fail('CLI_OPTION', {
            command: 'backfill',
            reason: `--${option} is for batch views, and ${view.name} is none`,
          });
      const report =
        rollsBack && view.kind === 'batchView'
          ? await auditedCommand(headrace.directory, 'roll back', view.name, () => headrace.features.rollBack(view))
          : await headrace.features.backfill(
              view,
              {
                from: instantOption('from', call.options['from']) ?? null,
                to: instantOption('to', call.options['to']) ?? null,
              },
              (text) => call.terminal.err(`headrace: ${text}`),
              call.options['accept-loss'] === true,
            );
      const counts = Object.entries(report).map(([what, count]) => `${what} ${count}`);
      call.terminal.out(
        call.json ? JSON.stringify({ view: view.name, ...report }) : `${view.name}: ${counts.join(', ')}`,
      );
    });
  },
};
