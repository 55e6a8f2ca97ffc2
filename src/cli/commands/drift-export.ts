import { fail } from '../../base/errors/fail.ts';
import type { FrameKind } from '../../monitoring/interop/monitoring-frame.ts';
import { command } from '../command.ts';
import { option } from '../option.ts';
import { choice, instant } from '../option-kinds.ts';
import { withHistory } from '../with-history.ts';

const DAY_MS = 86_400_000;
const KINDS = ['arize', 'nannyml'] as const satisfies readonly FrameKind[];

export const driftExport = command({
  name: ['drift', 'export'],
  summary: 'writes predictions with features and labels as Parquet for another monitor: Arize or NannyML',
  words: '<model> <output.parquet>',
  arity: [2, 2],
  options: {
    as: option(choice(KINDS), 'names of the columns', 'arize'),
    from: option(instant, 'first instant of prediction (a day before to)'),
    to: option(instant, 'end, exclusive (now)'),
  },
  run: (call) =>
    withHistory(call, async (project, history) => {
      const [name, path] = call.words;
      const model = project.models.find((one) => one.name === name);
      if (model === undefined)
        throw fail('MODEL_UNKNOWN', { model: name, known: project.models.map((one) => one.name) });
      const now = Date.now();
      const { to = now, from = to - DAY_MS, as: kind } = call.options;
      const { frameSql } = await import('../../monitoring/interop/monitoring-frame.ts');
      const rows = await history.exportParquet(frameSql(model, history, { kind, from, to, now }), path);
      call.terminal.out(call.json ? JSON.stringify({ rows, path }) : `${rows} predictions in ${path}`);
    }),
});
