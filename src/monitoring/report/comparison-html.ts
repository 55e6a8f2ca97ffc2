import { numberText } from '../../base/number-text.ts';
import type { Comparison } from '../detect/comparison.ts';
import { ruleText } from '../detect/drift-rule.ts';
import type { FeatureComparison } from '../detect/feature-comparison.ts';
import { costText, featureCells, featureHeads, verdictText } from './comparison-text.ts';
import { escaped, htmlPage } from './html-text.ts';

export const comparisonStyle = `
body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}.small{color:#555;font-size:13px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
td,th{text-align:right;padding:.2rem .6rem;border-bottom:1px solid #e4e4e4;white-space:nowrap}
td:first-child,th:first-child,td:nth-child(2),td:nth-child(3),th:nth-child(2),th:nth-child(3),td:last-child,th:last-child{text-align:left}
.drift td:nth-child(3),.fault{color:#a33b3b;font-weight:600}.ok{color:#2c6e49}
figure{display:inline-block;width:360px;margin:.6rem 1rem .6rem 0;vertical-align:top}figcaption{font-size:13px}
svg{width:100%;height:auto}.a{fill:#a9c1da}.b{fill:#3b6ea5}text{font-size:9px;fill:#555}
@media (prefers-color-scheme:dark){body{background:#181818;color:#e6e6e6}td,th{border-color:#333}.small,text{color:#aaa;fill:#aaa}.a{fill:#4d6680}.ok{color:#7cc79b}}
`;

/** Features whose distribution is drawn: the page stays below 2 MB however many there are. */
const MOST_CHARTS = 200;

/** A comparison as one HTML file that needs no network. */
export function comparisonHtml(comparison: Comparison): string {
  const { verdict } = comparison;
  return htmlPage(`Drift: ${verdict}`, comparisonStyle, [
    `<h1>Drift: <span class="${verdict === 'ok' ? 'ok' : 'fault'}">${verdict}</span></h1>`,
    ...comparisonSections(comparison, MOST_CHARTS),
  ]);
}

/** Verdict, faults, features, slices and distributions, of at most `mostCharts` features. */
export function comparisonSections(comparison: Comparison, mostCharts: number): readonly string[] {
  const { reference, current, rule, faults, features, falseAlarms, slices, domainAuc } = comparison;
  const drawn = features.filter(({ state }) => state !== 'excluded').slice(0, mostCharts);
  return [
    `<p>${escaped(verdictText(comparison))}</p>`,
    `<p class="small">reference ${escaped(reference.name)} (${reference.rows} rows), current ${escaped(current.name)} (${current.rows} rows), rule ${escaped(ruleText(rule))}${domainAuc === null ? '' : `, domain AUC ${domainAuc.toFixed(3)}`}</p>`,
    faults.length === 0
      ? ''
      : `<h2>Faults of the data</h2><ul>${faults.map(({ kind, columns, text }) => `<li><b>${kind}</b> ${escaped(columns.join(', '))}: ${escaped(text)}</li>`).join('')}</ul>`,
    `<h2>Features</h2><div class="scroll"><table class="features"><tr>${featureHeads.map((head) => `<th>${head}`).join('')}</tr>${features.map(row).join('')}</table></div>`,
    slices.length === 0 ? '' : `<h2>Slices</h2><ul>${slices.map(sliceLine).join('')}</ul>`,
    `<h2>Cost of the usual rules</h2><ul>${falseAlarms.map((cost) => `<li>${escaped(costText(cost, comparison))}</li>`).join('')}</ul>`,
    `<h2>Distributions</h2><p class="small">Light: reference. Dark: current. Bins are the reference's own; the last is of missing values.</p>${drawn.map(chart).join('')}`,
  ];
}

function row(feature: FeatureComparison): string {
  return `<tr class="${feature.state}">${featureCells(feature)
    .map((cell) => `<td>${escaped(cell)}`)
    .join('')}</tr>`;
}

function sliceLine({ column, value, rows, state, drifted }: Comparison['slices'][number]): string {
  const names = drifted.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  return `<li>${escaped(`${column} = ${value}`)}, ${rows.reference} → ${rows.current} rows: ${state} ${escaped(names)}</li>`;
}

function chart({ name, state, bins }: FeatureComparison): string {
  const total = (counts: readonly number[]) =>
    Math.max(
      1,
      counts.reduce((sum, count) => sum + count, 0),
    );
  const [n, m] = [total(bins.reference), total(bins.current)];
  const most = Math.max(1e-9, ...bins.reference.map((count) => count / n), ...bins.current.map((count) => count / m));
  const step = 340 / bins.reference.length;
  const labels = labelsOf(bins.frozen);
  const bar = (kind: string, share: number, x: number, title: string) =>
    `<rect class="${kind}" x="${x.toFixed(1)}" y="${(90 - (80 * share) / most).toFixed(1)}" width="${(step * 0.4).toFixed(1)}" height="${((80 * share) / most).toFixed(1)}"><title>${escaped(title)}</title></rect>`;
  const bars = bins.reference.map((count, i) => {
    const [was, is] = [count / n, bins.current[i] / m];
    const title = `${labels[i]}: ${(was * 100).toFixed(1)} % → ${(is * 100).toFixed(1)} %`;
    return bar('a', was, i * step, title) + bar('b', is, i * step + step * 0.42, title);
  });
  return `<figure><figcaption>${escaped(name)}: ${state}</figcaption><svg viewBox="0 0 340 100" role="img" aria-label="${escaped(name)}">${bars.join('')}</svg></figure>`;
}

function labelsOf(bins: FeatureComparison['bins']['frozen']): readonly string[] {
  if (bins.kind === 'values') return [...bins.values.keys(), 'others', 'missing'];
  const edges = [...bins.edges].map((edge) => numberText(edge, 4));
  return [
    ...edges.map((edge, i) => (i === 0 ? `< ${edge}` : `${edges[i - 1]} … ${edge}`)),
    `≥ ${edges.at(-1) ?? '−∞'}`,
    'missing',
  ];
}
