import { numberText } from '../../base/number-text.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { ColumnReport, FeatureColumnReport, FeaturesReport } from './features-report.ts';
import { countText, percentText } from './report-words.ts';

const HEAD = ['', 'type', 'null', 'zero', 'missing', 'range', 'distinct', 'least', 'mean', 'greatest', 'age'];

/** A report for the terminal. */
export function reportText(report: FeaturesReport): string {
  const { project, from, to, findings, services, sources } = report;
  return [
    `${project}: ${instantText(from)} to ${instantText(to)}`,
    ...findings.map((finding) => `  ! ${finding}`),
    ...(findings.length === 0 ? ['  nothing stands out'] : []),
    ...services.flatMap(({ service, vectors, features }) => [
      '',
      `service ${service}: ${countText(vectors, 'logged vector')}`,
      ...table(features.map((feature) => columnCells(feature, ageText(feature)))),
    ]),
    ...sources.flatMap(({ source, volume, lateness, columns }) => [
      '',
      `source ${source}: ${countText(volume.deliveries, 'delivery', 'deliveries')}, ${durationText(lateness.p50Ms)} after their time at p50, ${durationText(lateness.p99Ms)} at p99`,
      ...table(columns.map((column) => columnCells(column, ''))),
    ]),
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEAD.map((head, c) => Math.max(head.length, ...rows.map((row) => row[c].length)));
  return [HEAD, ...rows].map((row) =>
    `  ${row.map((cell, c) => (c < 2 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ')}`.trimEnd(),
  );
}

/** The cells of a column's line, in the order of {@link HEAD}. */
function columnCells(column: ColumnReport, age: string): readonly string[] {
  const { name, type, nullRate, zeroRate, missingRate, outOfRangeRate, range, distinct, mean, profile } = column;
  const empty = profile.rows === 0;
  return [
    name,
    type,
    ...[nullRate, zeroRate, missingRate].map((rate) => (empty ? '–' : percentText(rate))),
    empty || range === null ? '–' : percentText(outOfRangeRate),
    type === 'list' ? '–' : String(distinct),
    ...[profile.least, mean, profile.greatest].map((value) => numberText(value, 4)),
    age,
  ];
}

function ageText({ ageMs }: FeatureColumnReport): string {
  return ageMs === null ? '' : durationText(ageMs);
}

function instantText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
