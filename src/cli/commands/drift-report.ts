import { fail } from '../../base/errors/fail.ts';
import { DAY_MS } from '../../base/time.ts';
import { monitorName } from '../../features/define/monitor.ts';
import type { FrameKind } from '../../monitoring/interop/monitoring-frame.ts';
import { type Call, command } from '../command.ts';
import { type SpanCall, spanOptions, withWatched } from '../drift/with-watched.ts';
import { withHistory } from '../open/with-stores.ts';
import { option } from '../options/option.ts';
import { choice, file } from '../options/option-kinds.ts';

const MOST_WINDOWS = 1000;
const FRAMES = ['arize', 'nannyml'] as const satisfies readonly FrameKind[];

const options = {
  of: option(choice(['window', 'windows', 'causes', 'proxies', 'predictions']), 'part of the report', 'window'),
  ...spanOptions,
  html: option(file, 'also write the report of a window as one HTML file to this path'),
  as: option(choice(FRAMES), 'of predictions: names of the columns in the Parquet file', 'arize'),
};

type Asked = Call<typeof options>;

export const driftReport = command({
  name: ['drift', 'report'],
  summary:
    'reports a span of a champion: one window in full, every window by each monitor, causes, proxies, or its predictions as Parquet',
  words: '<model> [<predictions.parquet>]',
  arity: [1, 2],
  options,
  async run(call) {
    const { of } = call.options;
    if ((of === 'predictions') !== (call.words.length === 2))
      throw fail('CLI_OPTION', {
        command: 'drift report',
        reason: 'a file is named with --of predictions, and only then',
      });
    await PARTS[of](call);
  },
});

const PARTS: Readonly<Record<Asked['options']['of'], (call: Asked) => Promise<void>>> = {
  window: reportWindow,
  windows: reportWindows,
  causes: reportCauses,
  proxies: reportProxies,
  predictions: exportPredictions,
};

/** Features, series, labels, slices, causes and decisions of one window. */
async function reportWindow(call: Asked): Promise<void> {
  const { windowReport } = await import('../../monitoring/report/window-report.ts');
  const { windowJson } = await import('../../monitoring/report/window-json.ts');
  const { windowLines } = await import('../../monitoring/report/window-text.ts');
  const { writeReport } = await import('../report/write-report.ts');
  await withWatched(call, async (opened) => {
    const report = await windowReport(opened);
    writeReport(call.options.html, 'window', () => windowJson(report));
    if (call.json) call.terminal.out(windowJson(report));
    else for (const line of windowLines(report)) call.terminal.out(line);
  });
}

/** Every window of the span by each monitor. Error: DRIFT_OPTION. */
async function reportWindows(call: SpanCall): Promise<void> {
  const { judgeMonitor, monitorsOf } = await import('../../monitoring/monitor/judge-windows.ts');
  const { ruleCosts, ruleCostText } = await import('../../monitoring/monitor/rule-costs.ts');
  await withWatched(call, async ({ now, watched, history, span: { from, to } }) => {
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
      all.push(await judgeMonitor(watched, monitor, history, spans, { now }));
    }
    if (call.json) {
      call.terminal.out(JSON.stringify(all));
      return;
    }
    for (const cost of ruleCosts([watched.model])) call.terminal.out(ruleCostText(cost));
    for (const { monitor, windows } of all)
      for (const { from: start, rows, state, reason, season } of windows)
        call.terminal.out(
          `${monitorName(monitor).padEnd(15)} ${new Date(start).toISOString()} ${String(rows).padEnd(8)} ${state.padEnd(12)} ${(season?.of ?? '–').padEnd(5)} ${reason}`,
        );
  });
}

/** The causes of a change in the span: each feature in the change of the loss, and what happened upstream. */
async function reportCauses(call: SpanCall): Promise<void> {
  const { causesOf } = await import('../../monitoring/cause/causes.ts');
  const { causeLines } = await import('../../monitoring/cause/cause-text.ts');
  await withWatched(call, async (opened) => {
    const report = await causesOf(opened);
    if (call.json) call.terminal.out(JSON.stringify(report));
    else for (const line of causeLines(report)) call.terminal.out(line);
  });
}

/** The declared proxies against the label, with the estimate of a window before its labels. */
async function reportProxies(call: SpanCall): Promise<void> {
  const { estimateWindow } = await import('../../monitoring/estimate/window-estimate.ts');
  const { estimateLines } = await import('../../monitoring/estimate/estimate-text.ts');
  await withWatched(call, async ({ watched: { model, version }, history, span }) => {
    const found = await estimateWindow(model, history, version, span, Date.now());
    if (call.json) call.terminal.out(JSON.stringify(found));
    else for (const line of estimateLines(found)) call.terminal.out(line);
  });
}

/** Predictions with features and labels as Parquet, for another monitor. Error: MODEL_UNKNOWN. */
async function exportPredictions(call: Asked): Promise<void> {
  const { frameSql } = await import('../../monitoring/interop/monitoring-frame.ts');
  await withHistory(call, async (project, history) => {
    const [name, path] = call.words;
    const model = project.models.find((one) => one.name === name);
    if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: project.models.map((one) => one.name) });
    const now = Date.now();
    const { to = now, from = to - DAY_MS, as: kind } = call.options;
    const rows = await history.exportParquet(frameSql(model, history, { kind, from, to, now }), path);
    call.terminal.out(call.json ? JSON.stringify({ rows, path }) : `${rows} predictions in ${path}`);
  });
}
