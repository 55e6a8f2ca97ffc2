import { fail } from '../../base/errors/fail.ts';
import { FRAME_KINDS } from '../../monitoring/interop/monitoring-frame.ts';
import type { Command } from '../command.ts';
import { choiceOption, instantOption } from '../parse-option.ts';
import { withHistory } from '../with-history.ts';

const DAY_MS = 86_400_000;

export const driftExport: Command = {
  name: ['drift', 'export'],
  summary: 'writes predictions with features and labels as Parquet for another monitor: Arize or NannyML',
  words: '<model> <output.parquet>',
  arity: [2, 2],
  options: { as: { type: 'string' }, from: { type: 'string' }, to: { type: 'string' } },
  help: {
    as: 'columns as arize or nannyml names them (arize)',
    from: 'first instant of prediction (a day before to)',
    to: 'end, exclusive (now)',
  },
  run: (call) =>
    withHistory(call, async (project, history) => {
      const [name, path] = call.words;
      const model = project.models.find((one) => one.name === name);
      if (model === undefined)
        throw fail('MODEL_UNKNOWN', { model: name, known: project.models.map((one) => one.name) });
      const now = Date.now();
      const to = instantOption('to', call.options['to']) ?? now;
      const from = instantOption('from', call.options['from']) ?? to - DAY_MS;
      const kind = choiceOption('as', call.options['as'], FRAME_KINDS) ?? 'arize';
      const { frameSql } = await import('../../monitoring/interop/monitoring-frame.ts');
      const rows = await history.exportParquet(frameSql(model, history, { kind, from, to, now }), path);
      call.terminal.out(call.json ? JSON.stringify({ rows, path }) : `${rows} predictions in ${path}`);
    }),
};
