import type { CostPlan } from '../plan/plan.ts';
import { notesOf, rangeText } from './terminal.ts';

const usd = (value: number) => `${value.toFixed(2)} USD`;
const share = (value: number) => `${(100 * value).toFixed(1)} %`;
const gain = (value: number) => `${value.toFixed(2)}×`;

/** Text that stays in its cell. */
function cell(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\r\n]+/g, ' ');
}

/** A plan as Markdown. */
export function planMarkdown(plan: CostPlan): string {
  const { baseline, total, joint, spot } = plan;
  const table = (head: readonly string[], rows: readonly (readonly string[])[]) => [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---|').join('')}`,
    ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
  ];
  return [
    `# Training cost: ${cell(plan.job)}`,
    '',
    ...table(
      ['', 'cost', 'time'],
      [
        ['today', usd(baseline.costUsd), `${baseline.hours} h`],
        ['with the plan', rangeText(total.costUsd, usd), rangeText(total.hours, (value) => `${value.toFixed(1)} h`)],
        ['saved', rangeText(total.saving, share), `most of the spread: ${total.dominant}`],
      ],
    ),
    '',
    `Try first: ${cell(plan.first)}`,
    '',
    `## Techniques: together ${gain(joint.costGain)}`,
    '',
    ...table(
      ['technique', 'alone', 'in the plan', 'precondition', 'measure', 'source'],
      plan.techniques.map((one) => [
        one.title,
        one.alone === null ? '' : rangeText(one.alone, gain),
        one.marginal === null ? (one.leftOut ?? '') : gain(one.marginal),
        `${one.precondition.state}: ${one.precondition.by}`,
        one.measurement,
        one.priors.map(({ source }) => source).join('; '),
      ]),
    ),
    '',
    `## Spot: ${spot.state}`,
    '',
    cell(spot.reason),
    ...(spot.costUsd === null
      ? []
      : [
          '',
          `${rangeText(spot.costUsd, usd)}, policy ${spot.policy}, missed deadlines ${share(spot.missedShare ?? 0)}`,
        ]),
    '',
    '## Waterfall',
    '',
    ...table(
      ['', 'cost', 'saved'],
      plan.waterfall.map(({ name, costUsd, savedUsd }) => [name, usd(costUsd), savedUsd === 0 ? '' : usd(savedUsd)]),
    ),
    '',
    '## Limits',
    '',
    ...notesOf(plan).map((note) => `- ${cell(note)}`),
    '',
  ].join('\n');
}
