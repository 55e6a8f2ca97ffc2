import type { CostPlan } from '../plan/plan.ts';
import { notesOf, rangeText } from './terminal.ts';

const usd = (value: number) => `${value.toFixed(2)} USD`;
const share = (value: number) => `${(100 * value).toFixed(1)} %`;
const gain = (value: number) => `${value.toFixed(2)}×`;

const style = `
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#1a1a1a;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #e4e4e4;vertical-align:top}
.bar{background:#3b6ea5;height:16px}.out{color:#777}
@media (prefers-color-scheme:dark){body{background:#181818;color:#e6e6e6}td,th{border-color:#333}}
`;

/** A plan as one HTML file that needs no network. */
export function planHtml(plan: CostPlan): string {
  const { baseline, total, joint, spot } = plan;
  const rows = (cells: readonly (readonly string[])[]) =>
    cells.map((row) => `<tr>${row.map((one) => `<td>${escaped(one)}`).join('')}</tr>`).join('');
  const techniques = plan.techniques.map((one) => [
    one.title,
    one.alone === null ? '' : rangeText(one.alone, gain),
    one.marginal === null ? (one.leftOut ?? '') : gain(one.marginal),
    `${one.precondition.state}: ${one.precondition.by}`,
    `${one.measurement}; ${one.change}`,
  ]);
  const most = baseline.costUsd;
  const bars = plan.waterfall.map(
    ({ name, costUsd }) =>
      `<tr><td>${escaped(name)}<td>${usd(costUsd)}<td style="width:50%"><div class="bar" style="width:${Math.max(0, Math.min(100, (100 * costUsd) / most)).toFixed(1)}%"></div></tr>`,
  );
  const body = [
    `<h1>Training cost: ${escaped(plan.job)}</h1>`,
    `<table>${rows([
      ['today', usd(baseline.costUsd), `${baseline.hours} h on ${plan.nodes} nodes, ${baseline.offer}`],
      ['with the plan', rangeText(total.costUsd, usd), rangeText(total.hours, (value) => `${value.toFixed(1)} h`)],
      ['saved', rangeText(total.saving, share), `most of the spread: ${total.dominant}`],
      ['first', plan.first, ''],
    ])}</table>`,
    `<h2>From the bill of today</h2><table>${bars.join('')}</table>`,
    `<h2>Techniques: together ${gain(joint.costGain)}</h2><table><tr><th>technique<th>alone<th>in the plan<th>precondition<th>measure and change</tr>${rows(techniques)}</table>`,
    `<h2>Spot: ${escaped(spot.state)}</h2><p>${escaped(spot.reason)}${spot.costUsd === null ? '' : `: ${rangeText(spot.costUsd, usd)}`}</p>`,
    `<h2>Limits</h2><ul>${notesOf(plan)
      .map((note) => `<li>${escaped(note)}`)
      .join('')}</ul>`,
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Training cost</title><style>${style}</style></head><body>${body.join('\n')}</body></html>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
