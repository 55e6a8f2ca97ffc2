import { durationText } from '../../observe/duration-text.ts';
import type { ColumnReport, FeaturesReport, ServiceReport, SourceReport } from './features-report.ts';
import { countText, percentText } from './report-words.ts';

/** The findings of a report: one line each, the most important first. */
export function findingsOf({ services, sources }: Pick<FeaturesReport, 'services' | 'sources'>): readonly string[] {
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

function hourText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 13)}:00Z`;
}
