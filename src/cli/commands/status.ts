import type { DiskReport } from '../../featurestore/disk/disk-budget.ts';
import { durationText } from '../../monitoring/slo/duration-text.ts';
import type { AuditStatus, BudgetStatus, SourceStatus, Status, ViewStatus } from '../../status.ts';
import { askServer, LOCAL_SERVER } from '../ask-server.ts';
import type { Command } from '../command.ts';

export const status: Command = {
  name: ['status'],
  summary: 'where a running server stands: what came in, what is served, what is not as declared',
  words: '[<server>]',
  arity: [0, 1],
  options: {},
  help: {},
  async run({ words, json, terminal }) {
    const text = await askServer(words[0] ?? LOCAL_SERVER, '/v1/status');
    terminal.out(json ? text : statusText(JSON.parse(text)));
  },
};

function statusText({
  project,
  namespace,
  ready,
  waiting,
  degraded,
  sources,
  views,
  services,
  audits,
  lag,
  topics,
  disk,
}: Status): string {
  const state = ready ? (degraded.length === 0 ? 'ready' : 'ready, degraded') : 'not ready';
  return [
    `${project}: ${state}, namespace ${namespace}`,
    ...waiting.map((reason) => `  waits: ${reason}`),
    ...degraded.map((reason) => `  degraded: ${reason}`),
    'sources',
    ...sources.map(sourceLine),
    'views',
    ...views.map(viewLine),
    'services',
    ...services.map((service) => `  ${service.name}: reads ${budgetText(service)}`),
    ...(audits.length === 0 ? [] : ['skew', ...audits.map(auditLine)]),
    ...(topics.length === 0 ? [] : ['topics', ...topics.map(topicLine)]),
    ...(lag.length === 0 ? [] : ['behind on Kafka', ...lagLines(lag)]),
    ...(disk === null ? [] : ['disk', ...diskLines(disk)]),
  ].join('\n');
}

function auditLine({ service, at, compared, differ, met }: AuditStatus): string {
  const missed = met ? '' : ' MISSED';
  return `  ${service}: ${differ} of ${compared} values differ by the audit of ${new Date(at).toISOString()}${missed}`;
}

/** By topic, records that each reader has still to read. */
function lagLines(lag: Status['lag']): readonly string[] {
  return [...Map.groupBy(lag, ({ topic }) => topic)].map(([topic, readers]) => {
    const parts = readers.map(({ reader, behind }) => `${reader} ${behind.reduce((sum, records) => sum + records, 0)}`);
    return `  ${topic}: ${parts.join(', ')}`;
  });
}

function topicLine({
  source,
  topic,
  taken,
  refused,
  tombstones,
  lost,
  keyChanges,
  lag,
}: Status['topics'][number]): string {
  const behind = lag.reduce((sum, one) => sum + one.behind, 0);
  const gone = lost === 0 ? '' : `, ${lost} lost`;
  return `  ${source} from ${topic}: ${taken} taken, ${refused} refused, ${tombstones} tombstones${gone}, ${keyChanges} key changes; ${behind} behind in ${lag.length} partitions`;
}

function sourceLine(source: SourceStatus): string {
  const { accepted, duplicate, late, refused, quarantined, latenessP50Ms, latenessP99Ms } = source;
  const arrived = `p50 ${durationText(latenessP50Ms)}, p99 ${durationText(latenessP99Ms)} after their time`;
  return `  ${source.source}: ${accepted} accepted, ${duplicate} duplicate, ${late} late, ${refused} refused, ${quarantined} quarantined; ${arrived}`;
}

function viewLine({ view, tier, latency, freshness, stale, late, failed, batch }: ViewStatus): string {
  const generation =
    batch === null
      ? ''
      : `; generation ${batch.generation}, ${batch.succeeded} good and ${batch.failed} failed runs since the start`;
  const age = freshness === null ? '' : `, freshness ${budgetText(freshness)}`;
  return `  ${view} (${tier}): reads ${budgetText(latency)}${age}; ${stale} stale, ${late} late, ${failed} failed${generation}`;
}

function budgetText({ budgetMs, p50Ms, p99Ms, met }: BudgetStatus): string {
  const measured = `p50 ${durationText(p50Ms)} p99 ${durationText(p99Ms)}`;
  if (budgetMs === null) return measured;
  return `${measured} of ${durationText(budgetMs)}${met === false ? ' MISSED' : ''}`;
}

function diskLines(disk: DiskReport): readonly string[] {
  const { bytes, bytesPerDay, keptBytes, todayBytes, todayRecords, yesterdayBytes, trimmed, over } = disk;
  const after = (parts: string) => (parts === '' ? '' : `: ${parts}`);
  const kept = after(partsText({ ...disk.kept, elsewhere: disk.elsewhereBytes }));
  const today = after(partsText(disk.today));
  const perEvent = todayRecords === 0 ? '' : `, ${Math.round(todayBytes / todayRecords)} bytes an event`;
  const gone = partsText(trimmed);
  return [
    `  kept ${bytesText(keptBytes)}${ofBudget(bytes, over === 'total')}${kept}`,
    `  today ${bytesText(todayBytes)}${ofBudget(bytesPerDay, over === 'day')}${today}${perEvent}; yesterday ${bytesText(yesterdayBytes)}`,
    ...(gone === '' ? [] : [`  trimmed since the start: ${gone}`]),
    ...(disk.refusedEvents + disk.skippedRows === 0
      ? []
      : [`  ${disk.refusedEvents} events refused, ${disk.skippedRows} logged rows left out since the start`]),
  ];
}

function ofBudget(budget: number | null, exceeded: boolean): string {
  return budget === null ? '' : ` of ${bytesText(budget)}${exceeded ? ' EXCEEDED' : ''}`;
}

function partsText(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .filter(([, bytes]) => bytes > 0)
    .map(([part, bytes]) => `${part} ${bytesText(bytes)}`)
    .join(', ');
}

/** A number of bytes in the unit that suits it, by thousands. */
function bytesText(bytes: number): string {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const scaled = bytes / 1_000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : Number(scaled.toPrecision(3))} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
