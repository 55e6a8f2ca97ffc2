import { numberText } from '../../base/number-text.ts';
import type { LabelReport } from '../../monitoring/estimate/label-files.ts';
import { excludedLines } from '../../monitoring/report/comparison-text.ts';
import type { Call } from '../command.ts';
import { columnChoice, type columnOptions } from '../options/column-options.ts';
import { type Option, option } from '../options/option.ts';
import { column, instant, whole } from '../options/option-kinds.ts';

/** Options of labels. */
export const labelOptions = {
  predicted: option(column, 'of labels: column of the instant of prediction', 'predicted_at'),
  labelled: option(column, 'of labels: column of the instant of the label, empty where none has come', 'labelled_at'),
  now: option(instant, 'of labels: end of the watch (the newest instant of the file)'),
  'look-back': option(whole(1, 3650), 'of labels: days that a label is waited for', 90),
};

/** How late labels come, when a window is mature, and how early labels differ from all. Errors: those of the file. */
export async function reportLabels(
  call: Call<typeof labelOptions & typeof columnOptions & { readonly label: Option<string> }>,
): Promise<void> {
  const { openTableFile } = await import('../../site/table-files.ts');
  const { labelReport } = await import('../../monitoring/estimate/label-files.ts');
  const table = await openTableFile(call.words[0]);
  try {
    const { predicted, labelled, label, now = null, 'look-back': lookBackDays } = call.options;
    write(call, await labelReport(table, { predicted, labelled, label, now, lookBackDays, ...columnChoice(call) }));
  } finally {
    await table.close();
  }
}

function write({ json, terminal }: Call, report: LabelReport): void {
  if (json) {
    terminal.out(JSON.stringify(report));
    return;
  }
  const { rows, coverage, earlyLabels, matureAfterDays, warnings, excluded } = report;
  terminal.out(
    `${rows} predictions; a window is mature after ${matureAfterDays === null ? '– (never)' : `${numberText(matureAfterDays)} days`}`,
  );
  terminal.out('days   coverage  positives among the labelled');
  coverage.forEach(({ afterDays, coverage: share }, i) => {
    const { positiveShare } = earlyLabels[i];
    terminal.out(
      `${String(afterDays).padEnd(7)}${share.toFixed(3).padEnd(10)}${positiveShare === null ? '–' : positiveShare.toFixed(3)}`,
    );
  });
  for (const warning of warnings) terminal.out(`note: ${warning}`);
  for (const line of excludedLines(excluded)) terminal.out(line);
}
