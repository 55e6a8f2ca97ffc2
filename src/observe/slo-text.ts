import { durationText } from './duration-text.ts';
import { figuresOf, type SloReport, type SloSeries } from './slo-report.ts';

const HEAD = ['', 'measure', 'budget', 'p50', 'p99', 'p99.9', 'seen', 'burn 5m', '1h', '6h', ''];

/** A report of one or more processes as a table for people: a line for each budget, those without one last. */
export function sloText({ project, series }: SloReport, processes = 1): string {
  const ordered = [...series].sort((a, b) => Number(a.budgetMs === null) - Number(b.budgetMs === null));
  const rows = ordered.map(rowOf);
  const widths = HEAD.map((head, c) => Math.max(head.length, ...rows.map((row) => row[c].length)));
  const lines = [HEAD, ...rows].map((row) =>
    row
      .map((cell, c) => (c < 2 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join('  ')
      .trimEnd(),
  );
  const of = processes === 1 ? project : `${project}, ${processes} processes`;
  return [`${of}: 99 of 100 within budget; percentiles of the last hour`, '', ...lines].join('\n');
}

function rowOf(series: SloSeries): readonly string[] {
  const { count, p50Ms, p99Ms, p999Ms, burn, met } = figuresOf(series);
  return [
    `${series.of} ${series.name}`,
    series.measure,
    durationText(series.budgetMs),
    durationText(p50Ms),
    durationText(p99Ms),
    durationText(p999Ms),
    String(count),
    ...burn.map(({ rate }) => (rate === null ? '–' : rate.toFixed(rate < 10 ? 2 : 0))),
    met === null ? '' : met ? 'met' : 'MISSED',
  ];
}
