import { fail } from '../../base/errors/fail.ts';
import type { Command } from '../command.ts';
import { withHeadrace } from '../with-headrace.ts';

export const backfill: Command = {
  name: ['backfill'],
  summary: 'computes the closed tiles of a stream view, or a run of a batch view, anew from the history',
  words: '<view>',
  arity: [1, 1],
  options: {},
  help: {},
  async run(call) {
    await withHeadrace(call, async (headrace) => {
      const [name] = call.words;
      const views = headrace.project.views.filter((view) => view.kind !== 'onDemandView');
      const view = views.find((one) => one.name === name || `${one.name}@${one.version}` === name);
      if (view === undefined) throw fail('VIEW_UNKNOWN', { view: name, known: views.map((one) => one.name) });
      const report = await headrace.features.backfill(view);
      const counts = Object.entries(report).map(([what, count]) => `${what} ${count}`);
      call.terminal.out(
        call.json ? JSON.stringify({ view: view.name, ...report }) : `${view.name}: ${counts.join(', ')}`,
      );
    });
  },
};
