import { fail } from '../../base/errors/fail.ts';
import type { EstimateReport } from '../../monitoring/estimate/estimate-files.ts';
import type { Call, Command } from '../command.ts';
import { wholeOption } from '../parse-option.ts';

export const driftEstimate: Command = {
  name: ['drift', 'estimate'],
  summary: 'estimates metrics of a binary model without labels, from a labelled reference, or says that it cannot',
  words: '<reference> <current>',
  arity: [2, 2],
  options: {
    score: { type: 'string' },
    label: { type: 'string' },
    prediction: { type: 'string' },
    threshold: { type: 'string' },
    chunk: { type: 'string' },
  },
  help: {
    score: 'column of scores from 0 to 1 (score)',
    label: 'column of labels 0 or 1; the reference must have it (label)',
    prediction: 'column of predictions 0 or 1 (the score against the threshold)',
    threshold: 'scores from here on are predicted 1 (0.5)',
    chunk: 'rows of a window, and of the chunks of the reference (5000)',
  },
  async run(call) {
    const text = (option: string, otherwise: string) => {
      const value = call.options[option];
      return typeof value === 'string' ? value : otherwise;
    };
    const threshold = Number(text('threshold', '0.5'));
    if (!(threshold >= 0 && threshold <= 1))
      throw fail('DRIFT_OPTION', {
        option: 'threshold',
        value: text('threshold', ''),
        reason: 'it is no number from 0 to 1',
      });
    const { openTableFile } = await import('../../compose/table-files.ts');
    const { estimateFiles } = await import('../../monitoring/estimate/estimate-files.ts');
    const reference = await openTableFile(call.words[0]);
    try {
      const current = await openTableFile(call.words[1]);
      try {
        const report = await estimateFiles(reference, current, {
          score: text('score', 'score'),
          label: text('label', 'label'),
          prediction: typeof call.options['prediction'] === 'string' ? call.options['prediction'] : null,
          threshold,
          chunkRows: wholeOption('chunk', call.options['chunk'], 5000, 100, 10_000_000),
          seed: 42,
        });
        write(call, report);
      } finally {
        await current.close();
      }
    } finally {
      await reference.close();
    }
  },
};

function write({ json, terminal }: Call, report: EstimateReport): void {
  if (json) {
    terminal.out(JSON.stringify(report));
    return;
  }
  const number = (value: number | null | undefined) =>
    (value === null || value === undefined ? '–' : value.toFixed(4)).padEnd(9);
  const { limits, windows, warnings, calibrated } = report;
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
}

function range(limits: EstimateReport['limits']['auc']): string {
  return limits === null ? 'none' : `${limits.lower.toFixed(4)} to ${limits.upper.toFixed(4)}`;
}
