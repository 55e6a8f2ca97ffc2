import { numberText } from '../../base/number-text.ts';
import { compareText } from '../../base/text-order.ts';
import { formatDuration } from '../../base/time.ts';
import { decisionLine } from './decision-log.ts';
import type { JudgedWindow } from './judged-windows.ts';
import type { FileReplay } from './replay-file.ts';

/** A replay for people: the decision log, findings that changed, and the summary. */
export function replayText({ log, windows, summary }: FileReplay): readonly string[] {
  const { rows, first, windowMs, months, incidents, naive, versions, champion, replayDiffers, faults } = summary;
  return [
    'decisions',
    ...log.map((row) => `  ${decisionLine(row)}`),
    ...(log.length === 0 ? ['  none'] : []),
    'findings',
    ...findings(windows),
    `${rows} rows, ${first} of them before the first version; windows of ${formatDuration(windowMs)}`,
    ...versions.map(
      ({ version, at, rows: trained, why }) =>
        `version ${version}: ${day(at)}, ${trained} rows (${why})${version === champion ? ', champion' : ''}`,
    ),
    ...months.map(({ month, predictions, labelled, auc, loss, meanScore, meanLabel }) =>
      [
        `${month}: ${predictions} predictions`,
        `${labelled} labelled`,
        ...(auc === null ? [] : [`AUC ${auc.toFixed(3)}`]),
        ...(loss === null ? [] : [`loss ${numberText(loss)}`]),
        ...(meanScore === null ? [] : [`mean score ${numberText(meanScore)}`]),
        ...(meanLabel === null ? [] : [`mean label ${numberText(meanLabel)}`]),
      ].join(', '),
    ),
    `incidents: ${incidents.page} pages, ${incidents.ticket} tickets, ${incidents.digest} for the digest`,
    `the usual rules, had they paged: psi>0.2 in ${naive.psi}, ks<0.05 in ${naive.ks} of ${naive.windows} windows`,
    `${replayDiffers} decisions differ when they are decided again from the journal`,
    ...faults.map((fault) => `failed: ${fault}`),
  ];
}

/** Windows whose finding is another than that of the window before, by monitor. */
function findings(windows: readonly JudgedWindow[]): readonly string[] {
  const last = new Map<string, string>();
  return windows.flatMap(({ monitor, from, state, reason, drifted, faults, version }) => {
    const found = `${state} ${[...drifted, ...faults.flatMap(({ columns }) => columns)].sort(compareText).join(' ')}`;
    if (last.get(monitor) === found) return [];
    last.set(monitor, found);
    return [`  ${day(from)}  ${monitor.padEnd(15)} v${version} ${state.padEnd(12)} ${reason}`];
  });
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}
