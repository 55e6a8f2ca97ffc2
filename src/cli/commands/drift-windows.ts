import { fail } from '../../base/errors/fail.ts';
import type { Watched } from '../../monitoring/monitor/judge-windows.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Call, Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';
import { instantOption } from '../parse-option.ts';

const MOST_WINDOWS = 1000;

const spanOptions = { from: { type: 'string' }, to: { type: 'string' } } as const;
const spanHelp = { from: 'first instant (a day before to)', to: 'end, exclusive (now)' };

export const driftWindows: Command = {
  name: ['drift', 'windows'],
  summary: 'judges every window of a span by each monitor of a model',
  words: '<model>',
  arity: [1, 1],
  options: spanOptions,
  help: spanHelp,
  async run(call) {
    const { judgeMonitor, monitorsOf } = await import('../../monitoring/monitor/judge-windows.ts');
    await withWatched(call, async (watched, history, { from, to }) => {
      const all = [];
      for (const monitor of monitorsOf(watched.model)) {
        const first = Math.ceil(from / monitor.windowMs) * monitor.windowMs;
        const count = Math.floor((to - first) / monitor.windowMs);
        if (count < 1 || count > MOST_WINDOWS)
          throw fail('DRIFT_OPTION', {
            option: 'from',
            value: new Date(from).toISOString(),
            reason: `the span has ${Math.max(0, count)} windows, 1 to ${MOST_WINDOWS} are judged`,
          });
        const spans = Array.from({ length: count }, (_, i) => ({
          from: first + i * monitor.windowMs,
          to: first + (i + 1) * monitor.windowMs,
        }));
        all.push(await judgeMonitor(watched, monitor, history, spans, { now: Date.now() }));
      }
      if (call.json) {
        call.terminal.out(JSON.stringify(all));
        return;
      }
      for (const { monitor, windows } of all)
        for (const { from: start, rows, state, reason } of windows)
          call.terminal.out(
            `${monitor.kind.padEnd(15)} ${new Date(start).toISOString()} ${String(rows).padEnd(8)} ${state.padEnd(12)} ${reason}`,
          );
    });
  },
};

export const driftReport: Command = {
  name: ['drift', 'report'],
  summary: 'compares the vectors served in a span with the training set of the champion, feature by feature',
  words: '<model>',
  arity: [1, 1],
  options: { ...spanOptions, html: { type: 'string' } },
  help: { ...spanHelp, html: 'also write an HTML file to this path' },
  async run(call) {
    const { compareWindow, monitorsOf } = await import('../../monitoring/monitor/judge-windows.ts');
    const { writeComparison } = await import('../write-comparison.ts');
    await withWatched(call, async ({ model, version, reference }, history, span) => {
      if (reference === null) throw fail('DRIFT_REFERENCE', { model: model.name, version });
      const [monitor] = monitorsOf(model).filter(({ kind }) => kind === 'featureDrift');
      const asked = monitor ?? { features: [], rule: 'default', windowMs: 3_600_000 };
      await writeComparison(call, await compareWindow(model, reference, asked, history, span));
    });
  },
};

async function withWatched(
  call: Call,
  work: (
    watched: Watched,
    history: OfflineStore,
    span: { readonly from: number; readonly to: number },
  ) => Promise<void>,
): Promise<void> {
  const { openMonitor } = await import('../../compose/open-monitor.ts');
  const { project, environment } = await loadConfig(call);
  const [name] = call.words;
  if (!project.models.some((model) => model.name === name))
    throw fail('MODEL_UNKNOWN', { model: name, known: project.models.map((model) => model.name) });
  const to = instantOption('to', call.options['to']) ?? Date.now();
  const from = instantOption('from', call.options['from']) ?? to - 86_400_000;
  const stores = openMonitor(project, environment);
  try {
    const watched = (await stores.watched()).find(({ model }) => model.name === name);
    if (watched === undefined) throw fail('DRIFT_CHAMPION', { model: name });
    const history = await stores.history();
    try {
      await work(watched, history, { from, to });
    } finally {
      await history.close();
    }
  } finally {
    await stores.close();
  }
}
