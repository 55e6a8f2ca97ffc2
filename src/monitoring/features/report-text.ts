import { numberText } from '../../base/number-text.ts';
import { durationText } from '../../observe/duration-text.ts';
import type {
  ColumnReport,
  FeatureColumnReport,
  FeaturesReport,
  ServiceReport,
  SourceReport,
} from './features-report.ts';

/** The findings of a report: one line each, the most important first. */
export function findingsOf({ services, sources }: FeaturesReport): readonly string[] {
  return [...sources.flatMap(sourceFindings), ...services.flatMap(serviceFindings)];
}

function sourceFindings({ source, volume, lateness, columns, quarantined }: SourceReport): readonly string[] {
  const odd = volume.hours.filter(({ verdict }) => verdict !== null);
  return [
    ...quarantined.map(
      ({ code, column, events }) =>
        `${source}: ${countText(events, 'event')} refused, ${code}${column === null ? '' : ` in ${column}`}`,
    ),
    ...(lateness.tooLate === 0
      ? []
      : [`${source}: ${countText(lateness.tooLate, 'delivery', 'deliveries')} too late to count`]),
    ...odd.map(
      ({ hour, deliveries, usual, verdict }) =>
        `${source}: ${verdict} in the hour of ${hourText(hour)}: ${deliveries}, usual is ${usual}`,
    ),
    ...columns.flatMap((column) => rangeFinding(source, column)),
  ];
}

function serviceFindings({ service, features }: ServiceReport): readonly string[] {
  return features.flatMap((feature) => {
    const { name, missingRate, ageMs, budgetMs, tier } = feature;
    const old = tier === 'batch' && ageMs !== null && budgetMs !== null && ageMs > budgetMs;
    return [
      ...(missingRate === 0 ? [] : [`${service}: ${name} has no answer in ${percentText(missingRate)}`]),
      ...(feature.profile.rows > 0 && feature.nullRate === 1 ? [`${service}: ${name} is always null`] : []),
      ...rangeFinding(service, feature),
      ...(old ? [`${service}: ${name} is ${durationText(ageMs)} old, of ${durationText(budgetMs)}`] : []),
    ];
  });
}

function rangeFinding(of: string, { name, outOfRangeRate, range }: ColumnReport): readonly string[] {
  if (outOfRangeRate === 0 || range === null) return [];
  return [`${of}: ${name} is outside ${range[0]} to ${range[1]} in ${percentText(outOfRangeRate)}`];
}

const HEAD = ['', 'type', 'null', 'zero', 'missing', 'range', 'distinct', 'least', 'mean', 'greatest', 'age'];

/** A report for the terminal. */
export function reportText(report: FeaturesReport): string {
  const { project, from, to, services, sources } = report;
  const findings = findingsOf(report);
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
export function columnCells(column: ColumnReport, age: string): readonly string[] {
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

export { HEAD as columnHeads };

export function ageText({ ageMs }: FeatureColumnReport): string {
  return ageMs === null ? '' : durationText(ageMs);
}

/** A share as percent, with one digit more than would round a few to none. */
function percentText(rate: number): string {
  if (rate === 0 || rate === 1) return `${rate * 100} %`;
  return rate < 0.001 ? '<0.1 %' : rate > 0.999 ? '>99.9 %' : `${(rate * 100).toFixed(1)} %`;
}

export function instantText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function hourText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 13)}:00Z`;
}

function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
