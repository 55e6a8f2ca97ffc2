import { numberText } from '../../base/number-text.ts';
import { labelCountsText } from '../../model/label-maturity.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { CauseReport } from '../cause/causes.ts';
import { estimateLines } from '../estimate/estimate-text.ts';
import type { CoverageReport } from '../estimate/window-coverage.ts';
import type { MonitorStatus } from '../monitor/judge-windows.ts';
import { lacksReference } from '../monitor/lacks-reference.ts';
import { comparisonSections, comparisonStyle } from './comparison-html.ts';
import { escaped, htmlPage, htmlTable, instantText } from './html-text.ts';
import type { WindowReport } from './window-report.ts';

const style = `${comparisonStyle}
.l{fill:none;stroke:#3b6ea5;stroke-width:1.5}.m{fill:none;stroke:#c77f2a;stroke-width:1;stroke-dasharray:4 3}
.s-ok{fill:#2c6e49}.s-drift,.s-fault{fill:#a33b3b}.s-insufficient,.s-immature,.s-unwatched{fill:#aaa}
.t td{text-align:left;white-space:normal;overflow-wrap:anywhere}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}
`;

/** Features whose distribution is drawn: with them the page stays below 2 MB. */
const MOST_CHARTS = 120;

/** Features that the tables have; the JSON has all. */
const MOST_ROWS = 500;

/** Characters of a name or a text that are shown. */
const MOST_TEXT = 300;

/** A window as one HTML file below 2 MB that needs no network. Its numbers are those of the JSON, in three digits. */
export function windowHtml(report: WindowReport): string {
  const { model, modelVersion, from, to, at, comparison, series, slices, causes, decisions } = report;
  const title = `${model}, ${instantText(from)} to ${instantText(to)}`;
  return htmlPage(title, style, [
    `<h1>${escaped(cut(model))}, version ${modelVersion}</h1>`,
    `<p class="small">${instantText(from)} to ${instantText(to)} UTC, as known at ${instantText(at)}</p>`,
    htmlTable(
      ['monitor', 'state', 'reason'],
      series.map(({ monitor, state, reason }) => [monitor.kind, state, cut(reason)]),
      't',
    ),
    '<h2>Windows until this one</h2>',
    ...series.map(seriesChart),
    '<h2>Labels</h2>',
    coverageSection(report.coverage),
    '<h2>Before the labels</h2>',
    `<ul>${estimateLines(report.estimate)
      .map((line) => `<li>${escaped(cut(line))}</li>`)
      .join('')}</ul>`,
    '<h2>Causes</h2>',
    causeSection(causes),
    '<h2>Slices with the highest loss</h2>',
    slices === null ? '<p>too few labelled rows</p>' : sliceTable(slices),
    comparison === null
      ? `<h2>Features</h2><p>${escaped(lacksReference(report.model, report.modelVersion))}</p>`
      : comparisonSections(shortened(comparison), MOST_CHARTS).join('\n'),
    '<h2>Decision log</h2>',
    decisions.length === 0 ? '<p>no decisions</p>' : `<pre>${escaped(decisions.map(cut).join('\n'))}</pre>`,
  ]);
}

function cut(text: string): string {
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}

function shortened(comparison: NonNullable<WindowReport['comparison']>): NonNullable<WindowReport['comparison']> {
  const features = comparison.features.slice(0, MOST_ROWS).map((feature) => ({
    ...feature,
    name: cut(feature.name),
    reason: cut(feature.reason),
  }));
  return { ...comparison, features, faults: comparison.faults.slice(0, MOST_ROWS) };
}

const WIDTH = 1000;
const HEIGHT = 120;

function seriesChart({ monitor, windows }: MonitorStatus): string {
  const values = windows.flatMap(({ value, limit }) => [value ?? 0, limit ?? 0]);
  const most = Math.max(1e-9, ...values) * 1.1;
  const x = (i: number) => fixed(((i + 0.5) * WIDTH) / windows.length);
  const y = (value: number) => fixed(HEIGHT - (value / most) * HEIGHT);
  const line = (of: 'value' | 'limit') =>
    windows
      .flatMap((window, i) => {
        const value = window[of];
        return value === null ? [] : [`${x(i)},${y(value)}`];
      })
      .join(' ');
  const dots = windows.map(({ from, state, rows, value, limit, reason }, i) => {
    const title = `${instantText(from)}: ${state}, ${rows} rows, ${numberText(value)}, limit ${numberText(limit)}; ${cut(reason)}`;
    return `<circle class="s-${state}" cx="${x(i)}" cy="${y(value ?? 0)}" r="4"><title>${escaped(title)}</title></circle>`;
  });
  const what = monitor.kind === 'conceptDrift' ? monitor.metric : 'largest debiased PSI';
  return `<p class="small">${monitor.kind}: ${escaped(what)} by window of ${durationText(monitor.windowMs)}; dashed: its limit; at most ${numberText(most)}</p><svg viewBox="0 0 ${WIDTH} ${HEIGHT + 6}" role="img" aria-label="${monitor.kind}"><polyline class="l" points="${line('value')}"/><polyline class="m" points="${line('limit')}"/>${dots.join('')}</svg>`;
}

function coverageSection({ predictions, labelled, curve, window, maturity }: CoverageReport): string {
  const end = Math.max(1, curve.at(-1)?.afterMs ?? 1);
  const points = curve.map(
    ({ afterMs, coverage }) => `${fixed((afterMs * WIDTH) / end)},${fixed(HEIGHT - coverage * HEIGHT)}`,
  );
  const text = `Of the window, ${labelCountsText(window)}: ${maturity.state}, ${numberText(maturity.share)} of the labels that will come. The curve is of ${labelled} labels of ${predictions} predictions`;
  const facts = [0.25, 0.5, 0.75, 1].map((share) => {
    const step = curve[Math.round(share * (curve.length - 1))];
    return step === undefined ? [] : [durationText(step.afterMs), numberText(step.coverage)];
  });
  const chart = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 6}" role="img" aria-label="share labelled by time"><polyline class="l" points="${points.join(' ')}"/></svg>`;
  return `<p>${text}</p>${curve.length === 0 ? '' : `${chart}${htmlTable(['after', 'share labelled'], facts)}`}`;
}

function causeSection({ loss, features, timeLine, reference }: CauseReport): string {
  const head =
    loss === null
      ? '<p>too few labelled rows to weigh the loss by feature</p>'
      : `<p>loss ${numberText(loss.loss.current)} on ${loss.rows.current} rows, ${numberText(loss.loss.reference)} on ${loss.rows.reference} rows of ${instantText(reference.from)} to ${instantText(reference.to)}; unexplained by any one feature: ${numberText(loss.unexplained)}</p>`;
  const rows = features
    .slice(0, MOST_ROWS)
    .map((one) => [
      cut(one.feature),
      one.state,
      numberText(one.lossShare),
      numberText(one.explained),
      numberText(one.debiasedPsi),
      one.view ?? 'request',
      one.sources.join(', '),
      one.ageMs === null ? '–' : durationText(one.ageMs),
      one.freshnessMs === null ? '–' : durationText(one.freshnessMs),
    ]);
  const heads = ['feature', 'state', 'share of the loss', 'loss', 'PSI', 'view', 'sources', 'age', 'fresh within'];
  const events = timeLine.map(({ at, kind, of, text }) => [instantText(at), kind, of, cut(text)]);
  return [
    head,
    htmlTable(heads, rows, 'causes'),
    '<h2>Upstream</h2>',
    events.length === 0 ? '<p>nothing changed upstream</p>' : htmlTable(['at', 'kind', 'of', 'change'], events, 't'),
  ].join('\n');
}

function sliceTable({ rows, loss, looked, slices }: NonNullable<WindowReport['slices']>): string {
  const found = slices.map((slice) => [
    cut(slice.conditions.join(' and ')),
    String(slice.rows),
    numberText(slice.loss),
    numberText(slice.restLoss),
    numberText(slice.adjustedP),
  ]);
  const text = `${looked} slices of ${rows} labelled rows were looked at; loss of all ${numberText(loss)}`;
  return `<p class="small">${text}</p>${found.length === 0 ? '<p>none is certainly worse</p>' : htmlTable(['slice', 'rows', 'loss', 'of the others', 'adjusted p'], found, 'slices')}`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
