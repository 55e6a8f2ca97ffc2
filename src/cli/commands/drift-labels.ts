import type { LabelReport } from '../../monitoring/estimate/label-files.ts';
import type { Call, Command } from '../command.ts';
import { instantOption, wholeOption } from '../parse-option.ts';

export const driftLabels: Command = {
  name: ['drift', 'labels'],
  summary: 'shows how late labels come, when a window is mature, and how early labels differ from all',
  words: '<file>',
  arity: [1, 1],
  options: {
    predicted: { type: 'string' },
    labelled: { type: 'string' },
    label: { type: 'string' },
    now: { type: 'string' },
    'look-back': { type: 'string' },
  },
  help: {
    predicted: 'column of the instant of prediction (predicted_at)',
    labelled: 'column of the instant of the label, empty where none has come (labelled_at)',
    label: 'column of the label, 0 or 1 (label)',
    now: 'end of the watch (the newest instant of the file)',
    'look-back': 'days that a label is waited for (90)',
  },
  async run(call) {
    const text = (option: string, otherwise: string) => {
      const value = call.options[option];
      return typeof value === 'string' ? value : otherwise;
    };
    const { openTableFile } = await import('../../site/table-files.ts');
    const { labelReport } = await import('../../monitoring/estimate/label-files.ts');
    const table = await openTableFile(call.words[0]);
    try {
      write(
        call,
        await labelReport(table, {
          predicted: text('predicted', 'predicted_at'),
          labelled: text('labelled', 'labelled_at'),
          label: text('label', 'label'),
          now: instantOption('now', call.options['now']) ?? null,
          lookBackDays: wholeOption('look-back', call.options['look-back'], 90, 1, 3650),
        }),
      );
    } finally {
      await table.close();
    }
  },
};

function write({ json, terminal }: Call, report: LabelReport): void {
  if (json) {
    terminal.out(JSON.stringify(report));
    return;
  }
  const { rows, coverage, earlyLabels, matureAfterDays, warnings } = report;
  terminal.out(
    `${rows} predictions; a window is mature after ${matureAfterDays === null ? '– (never)' : `${matureAfterDays} days`}`,
  );
  terminal.out('days   coverage  positives among the labelled');
  coverage.forEach(({ afterDays, coverage: share }, i) => {
    const { positiveShare } = earlyLabels[i];
    terminal.out(
      `${String(afterDays).padEnd(7)}${share.toFixed(3).padEnd(10)}${positiveShare === null ? '–' : positiveShare.toFixed(3)}`,
    );
  });
  for (const warning of warnings) terminal.out(`note: ${warning}`);
}
