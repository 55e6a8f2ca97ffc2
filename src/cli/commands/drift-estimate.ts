import { fail } from '../../base/errors/fail.ts';
import type { EstimateReport } from '../../monitoring/estimate/estimate-files.ts';
import type { TaskEstimateReport } from '../../monitoring/estimate/estimate-task-files.ts';
import { excludedLines } from '../../monitoring/report/comparison-text.ts';
import type { TableFile } from '../../ports/table-file.ts';
import { type Call, command } from '../command.ts';
import { labelOptions, reportLabels } from '../drift/drift-labels.ts';
import { reportSlices, sliceOptions } from '../drift/drift-slices.ts';
import { columnChoice, columnOptions } from '../options/column-options.ts';
import { option } from '../options/option.ts';
import { choice, column, list, number, whole } from '../options/option-kinds.ts';

const TASKS = ['binary', 'regression', 'multiclass'] as const;

export const driftEstimate = command({
  name: ['drift', 'estimate'],
  summary:
    'estimates metrics without labels from a labelled reference; or shows the slices with the highest loss, or how late labels come',
  words: '<reference> <current> | <file>',
  arity: [1, 2],
  options: {
    of: option(choice(['metrics', 'slices', 'labels']), 'question about the files', 'metrics'),
    task: option(choice(TASKS), 'task of the model', 'binary'),
    score: option(
      list(column),
      'column of scores: from 0 to 1, or the numbers of a regression; of several classes a column each, by commas',
      ['score'],
    ),
    label: option(
      column,
      'column of labels: 0 or 1, a number, or the number or column of a class; the reference must have it',
      'label',
    ),
    prediction: option(column, 'column of predictions 0 or 1 (the score against the threshold)'),
    threshold: option(number(0, 1), 'scores from here on are predicted 1', 0.5),
    chunk: option(whole(100, 10_000_000), 'rows of a window, and of the chunks of the reference', 5000),
    ...columnOptions,
    ...sliceOptions,
    ...labelOptions,
  },
  async run(call) {
    const { of } = call.options;
    if ((of === 'metrics') !== (call.words.length === 2))
      throw fail('CLI_OPTION', {
        command: 'drift estimate',
        reason: 'metrics need a reference and a current file, and other questions one file',
      });
    if (of === 'slices') return reportSlices(call);
    if (of === 'labels') return reportLabels(call);
    const { task, score, label, prediction = null, threshold, chunk } = call.options;
    const common = { label, chunkRows: chunk, seed: 42, ...columnChoice(call) };
    await withFiles(call.words, async (reference, current) => {
      if (task !== 'binary') {
        const { estimateTaskFiles } = await import('../../monitoring/estimate/estimate-task-files.ts');
        return writeTask(call, await estimateTaskFiles(reference, current, { ...common, task, scores: score }));
      }
      const { estimateFiles } = await import('../../monitoring/estimate/estimate-files.ts');
      write(
        call,
        await estimateFiles(reference, current, { ...common, score: score.join(','), prediction, threshold }),
      );
    });
  },
});

async function withFiles(
  [first, second]: readonly (string | undefined)[],
  work: (reference: TableFile, current: TableFile) => Promise<void>,
): Promise<void> {
  const { openTableFile } = await import('../../site/table-files.ts');
  const reference = await openTableFile(first ?? '');
  try {
    const current = await openTableFile(second ?? '');
    try {
      await work(reference, current);
    } finally {
      await current.close();
    }
  } finally {
    await reference.close();
  }
}

function writeTask({ json, terminal }: Call, report: TaskEstimateReport): void {
  if (json) return terminal.out(JSON.stringify(report));
  const shown = (metrics: TaskEstimateReport['windows'][number]['estimated']) =>
    Object.entries(metrics ?? {})
      .map(([name, value]) => `${name} ${value === null ? '–' : value.toFixed(4)}`)
      .join(', ');
  const limits = Object.entries(report.limits).map(([name, own]) => `${name} ${range(own)}`);
  terminal.out(`limits ${limits.join(', ')}`);
  for (const { from, rows, estimated, realised, alerts, outsideShare, domainAuc, trust } of report.windows) {
    const worse = Object.entries(alerts).map(([metric, side]) => `${metric} ${side} than its limits`);
    const verdict =
      trust.state === 'cannotTell' ? `cannot tell: ${trust.reasons.join('; ')}` : worse.join(', ') || 'within limits';
    const known = realised === null ? '' : `, realised ${shown(realised)}`;
    const auc = domainAuc === null ? '' : `, domain AUC ${domainAuc.toFixed(2)}`;
    const estimate = estimated === null ? '' : `estimated ${shown(estimated)}`;
    terminal.out(
      `row ${from}, ${rows} rows: ${estimate}${known}; ${(outsideShare * 100).toFixed(1)} % outside${auc}; ${verdict}`,
    );
  }
  for (const warning of report.warnings) terminal.out(`note: ${warning}`);
  for (const line of excludedLines(report.excluded)) terminal.out(line);
}

function write({ json, terminal }: Call, report: EstimateReport): void {
  if (json) {
    terminal.out(JSON.stringify(report));
    return;
  }
  const number = (value: number | null | undefined) =>
    (value === null || value === undefined ? '–' : value.toFixed(4)).padEnd(9);
  const { limits, windows, warnings, calibrated, excluded } = report;
  terminal.out(
    `scores ${calibrated ? 'calibrated on the reference' : 'used as they are'}; limits AUC ${range(limits.auc)}, accuracy ${range(limits.accuracy)}, F1 ${range(limits.f1)}`,
  );
  terminal.out('row      AUC      accuracy F1       realised AUC      accuracy F1       outside  domain  verdict');
  for (const window of windows) {
    const { estimated, realised, alerts, trust, outsideShare, domainAuc } = window;
    const below = Object.entries(alerts).map(([metric, side]) => `${metric} ${side} its limits`);
    const verdict =
      trust.state === 'cannotTell' ? `cannot tell: ${trust.reasons.join('; ')}` : below.join(', ') || 'within limits';
    const shown = trust.state === 'cannotTell' ? null : estimated;
    terminal.out(
      `${String(window.from).padEnd(9)}${number(shown?.auc)}${number(shown?.accuracy)}${number(shown?.f1)}         ${number(realised?.auc)}${number(realised?.accuracy)}${number(realised?.f1)}${`${(outsideShare * 100).toFixed(1)} %`.padEnd(9)}${domainAuc === null ? '–' : domainAuc.toFixed(2)}    ${verdict}`,
    );
  }
  for (const warning of warnings) terminal.out(`note: ${warning}`);
  for (const line of excludedLines(excluded)) terminal.out(line);
}

function range(limits: EstimateReport['limits']['auc']): string {
  return limits === null ? 'none' : `${limits.lower.toFixed(4)} to ${limits.upper.toFixed(4)}`;
}
