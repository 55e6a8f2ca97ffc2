import { z } from 'zod';

const bound = z.strictObject({
  /** Whether the aim is about our value or about its ratio to the yardstick. */
  of: z.enum(['value', 'ratio']),
  atLeast: z.number().optional(),
  atMost: z.number().optional(),
});

/** What a bench prints, one JSON object a line: our value next to that of a yardstick, taken in the same run. */
export const figureSchema = z.strictObject({
  name: z.string(),
  unit: z.string(),
  value: z.number(),
  /** What the value is compared with; null where there is nothing fair. */
  yardstick: z.string().nullable(),
  yardstickValue: z.number().nullable(),
  /** value / yardstickValue. */
  ratio: z.number().nullable(),
  aim: bound.nullable(),
});

export type Figure = z.infer<typeof figureSchema>;

/** Prints a figure as the runner reads it; the ratio is taken here. One that was not measured, such as the median of nothing, is an error. */
export function printFigure(figure: Omit<Figure, 'ratio'>): void {
  const { name, value, yardstickValue } = figure;
  if (!Number.isFinite(value) || (yardstickValue !== null && !Number.isFinite(yardstickValue)))
    throw new Error(`"${name}" was not measured: ${value}, yardstick ${yardstickValue}`);
  const ratio = yardstickValue === null ? null : value / yardstickValue;
  console.log(JSON.stringify({ ...figure, ratio } satisfies Figure));
}

/** Whether the figure reaches its aim; null where it has none. */
export function reachesAim({ aim, value, ratio }: Figure): boolean | null {
  if (aim === null) return null;
  const measured = aim.of === 'value' ? value : ratio;
  if (measured === null) return false;
  return measured >= (aim.atLeast ?? Number.NEGATIVE_INFINITY) && measured <= (aim.atMost ?? Number.POSITIVE_INFINITY);
}

/** The figures as a Markdown table. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, unit, value, yardstick, yardstickValue, ratio } = figure;
    const beside = yardstick === null || yardstickValue === null ? '' : `${yardstick}: ${shortNumber(yardstickValue)}`;
    const reached = { true: 'yes', false: 'no', null: '' }[`${reachesAim(figure)}`];
    const cells = [
      name,
      `${shortNumber(value)} ${unit}`,
      beside,
      ratio === null ? '' : ratio.toFixed(2),
      aimText(figure),
      reached,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| figure | measured | yardstick | ratio | aim | reached |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

function aimText({ aim }: Figure): string {
  if (aim === null) return '';
  const what = aim.of === 'ratio' ? 'ratio ' : '';
  return what + (aim.atLeast === undefined ? `≤ ${shortNumber(aim.atMost ?? 0)}` : `≥ ${shortNumber(aim.atLeast)}`);
}

/** Three significant digits, thousands apart. */
export function shortNumber(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 6 });
}
