import { fail } from './base/errors/fail.ts';
import type { BatchHealth } from './featurestore/batch/batch-schedule.ts';
import type { DiskReport } from './featurestore/disk/disk-budget.ts';
import type { SourceCounters } from './featurestore/feature-store.ts';
import type { TopicReport } from './featurestore/ingest/topic-intake.ts';
import type { ReaderLag } from './featurestore/materialise/reader-lag.ts';
import type { TileHealth } from './featurestore/materialise/tile-intake.ts';
import type { UnreadableReport } from './featurestore/materialise/unreadable-records.ts';
import type { SkewVerdict } from './featurestore/skew/skew-schedule.ts';
import type { ServingMeasures } from './monitoring/slo/serving-measures.ts';
import { figuresOf, type SloReport, type SloSeries } from './monitoring/slo/slo-report.ts';

/** Where a running project stands: what came in, what is served, and what is not as declared. */
export interface Status {
  readonly project: string;
  /** The project's part of stores that it shares with others. */
  readonly namespace: string;
  /** Epoch ms. */
  readonly at: number;
  /** Nothing that requests need is missing. */
  readonly ready: boolean;
  /** What requests still wait for. */
  readonly waiting: readonly string[];
  /** What is served, but not as declared. */
  readonly degraded: readonly string[];
  readonly sources: readonly SourceStatus[];
  readonly views: readonly ViewStatus[];
  readonly services: readonly BudgetStatus[];
  /** The last scheduled audit of each service that declares one. */
  readonly audits: readonly AuditStatus[];
  /** How far the readers of topics on Kafka are behind; empty without such topics. */
  readonly lag: readonly ReaderLag[];
  /** What became of the records of topics of other services that events are taken from. */
  readonly topics: readonly TopicReport[];
  /** null: what only reads keeps nothing. */
  readonly disk: DiskReport | null;
}

export interface AuditStatus {
  readonly service: string;
  /** Epoch ms. */
  readonly at: number;
  /** Values that were recomputed, and those of them that differ. */
  readonly compared: number;
  readonly differ: number;
  /** Whether it found no more than is declared. */
  readonly met: boolean;
}

export interface SourceStatus {
  readonly source: string;
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly refused: number;
  readonly quarantined: number;
  /** From event time to arrival, ms; null before the first. */
  readonly latenessP50Ms: number | null;
  readonly latenessP99Ms: number | null;
}

/** A budget and what was measured against it in the last hour, ms. */
export interface BudgetStatus {
  readonly name: string;
  readonly budgetMs: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly met: boolean | null;
}

export interface ViewStatus {
  readonly view: string;
  readonly tier: 'request' | 'streaming' | 'batch';
  readonly latency: BudgetStatus;
  /** null: a view of the request has no age. */
  readonly freshness: BudgetStatus | null;
  /** Answers that were older than the freshness budget, not in time, or that the function could not give. */
  readonly stale: number;
  readonly late: number;
  readonly failed: number;
  readonly batch: Omit<BatchHealth, 'view'> | null;
}

/** Puts a status together, all but where disk space stands. */
export function statusOf(of: {
  readonly report: SloReport;
  readonly namespace: string;
  readonly at: number;
  readonly waiting: readonly string[];
  readonly degraded: readonly string[];
  readonly measures: ServingMeasures;
  readonly counters: ReadonlyMap<string, SourceCounters>;
  readonly batch: readonly BatchHealth[];
  readonly skew: readonly SkewVerdict[];
  readonly lag: readonly ReaderLag[];
  readonly topics: readonly TopicReport[];
}): Status {
  const { report, namespace, at, waiting, degraded, measures, counters, batch, skew, lag, topics } = of;
  const budget = budgetsOf(report);
  const health = new Map(batch.map(({ view, ...rest }) => [`${view.name}@${view.version}`, rest]));
  return {
    project: report.project,
    namespace,
    at,
    ready: waiting.length === 0,
    waiting,
    degraded,
    sources: [...counters].map(([source, { gateway, admission }]) => ({
      source,
      accepted: admission.accepted,
      duplicate: admission.duplicate,
      late: admission.late,
      refused: gateway.refused,
      quarantined: gateway.quarantined,
      latenessP50Ms: measures.sources.get(source)?.lateness.percentile(0.5) ?? null,
      latenessP99Ms: measures.sources.get(source)?.lateness.percentile(0.99) ?? null,
    })),
    views: [...measures.views.values()].map(({ id, tier, stale, late, failed }) => ({
      view: id,
      tier,
      latency: budget(`view ${id} latency`) ?? NOTHING,
      freshness: budget(`view ${id} freshness`),
      stale,
      late: late.fail + late.null + late.lastKnown,
      failed,
      batch: health.get(id) ?? null,
    })),
    services: report.series.filter(({ of: what }) => what === 'service').map((one) => budgetOf(one) ?? NOTHING),
    audits: skew.map(({ service, at, report: { compared, mismatches }, met }) => {
      const differ = mismatches.lateness + mismatches.staleness + mismatches.logic;
      return { service: service.name, at, compared, differ, met };
    }),
    lag,
    topics,
    disk: null,
  };
}

/** The statuses of processes that serve one project together, and what they measured together. */
export function mergeStatuses(statuses: readonly [Status, ...Status[]], report: SloReport): Status {
  const [first] = statuses;
  const writer = statuses.find(({ sources }) => sources.length > 0) ?? first;
  const budget = budgetsOf(report);
  const sum = (view: string, of: 'stale' | 'late' | 'failed') =>
    statuses.reduce((all, { views }) => all + (views.find((one) => one.view === view)?.[of] ?? 0), 0);
  const waiting = [...new Set(statuses.flatMap((one) => one.waiting))];
  return {
    ...writer,
    at: Math.max(...statuses.map(({ at }) => at)),
    ready: waiting.length === 0,
    waiting,
    degraded: [...new Set(statuses.flatMap((one) => one.degraded))],
    views: writer.views.map((one) => ({
      ...one,
      latency: budget(`view ${one.view} latency`) ?? NOTHING,
      freshness: budget(`view ${one.view} freshness`),
      stale: sum(one.view, 'stale'),
      late: sum(one.view, 'late'),
      failed: sum(one.view, 'failed'),
    })),
    services: report.series.filter(({ of: what }) => what === 'service').map((one) => budgetOf(one) ?? NOTHING),
  };
}

function budgetsOf({ series }: SloReport): (id: string) => BudgetStatus | null {
  const known = new Map(series.map((one) => [`${one.of} ${one.name} ${one.measure}`, one]));
  return (id) => budgetOf(known.get(id));
}

const NOTHING: BudgetStatus = { name: '', budgetMs: null, p50Ms: null, p99Ms: null, met: null };

function budgetOf(series: SloSeries | undefined): BudgetStatus | null {
  if (series === undefined) return null;
  const { p50Ms, p99Ms, met } = figuresOf(series);
  return { name: series.name, budgetMs: series.budgetMs, p50Ms, p99Ms, met };
}

/** What is not as declared with the runs of a batch view. */
export function degradedBatch({ view, generation, overdueSince, failure }: BatchHealth): readonly string[] {
  const served = generation === 0 ? 'nothing is served' : `generation ${generation} is served`;
  const name = `batch view ${view.name}@${view.version}`;
  if (failure !== null) return [`${name} failed at ${instant(failure.at)}: ${failure.reason}; ${served}`];
  return overdueSince === null ? [] : [`${name} was due at ${instant(overdueSince)} and has not run; ${served}`];
}

/** What the last scheduled audit found beyond what is declared. */
export function degradedSkew({ service, at, report, met }: SkewVerdict): readonly string[] {
  if (met) return [];
  const { lateness, staleness, logic } = report.mismatches;
  return [
    `service ${service.name} differs from the history by the audit of ${instant(at)}: of ${report.compared} values lateness ${lateness}, staleness ${staleness}, logic ${logic}`,
  ];
}

/** An engine elsewhere that is not heard of for so long, or is so far behind, is told of, ms. */
const TILES_BEHIND_MS = 60_000;

/** What is not as declared with the tiles of another engine. */
export function degradedTiles(intake: TileHealth | null, now: number): readonly string[] {
  if (intake === null) return [];
  const { conflicts, progress } = intake;
  const [first] = conflicts;
  const differing =
    first === undefined ? [] : [fail('TILES_CONFLICT', { tiles: conflicts.length, view: first.view }).message];
  if (progress.freshUntil === Number.NEGATIVE_INFINITY)
    return [...differing, 'the engine has not said how far its tiles are'];
  const behindMs = now - progress.freshUntil;
  if (behindMs < TILES_BEHIND_MS) return differing;
  return [...differing, `the tiles of the engine are ${Math.round(behindMs / 1_000)} s behind the events`];
}

/** Records of a shared log that nobody can read. */
export function degradedRecords({ topic, records, partition, offset }: UnreadableReport): string {
  return `${records} records of ${topic} cannot be read and are left out, the last at partition ${partition}, offset ${offset}`;
}

/** What keeps the events of a topic of other services from being taken, or makes them other than they were sent. */
export function degradedTopic({ source, topic, lost, keyChanges, trouble }: TopicReport): readonly string[] {
  const of = `${source} from ${topic}`;
  return [
    ...(trouble === null ? [] : [`no events of ${of} are taken: ${trouble}`]),
    ...(lost === 0 ? [] : [`${lost} records of ${of} were gone before they were read`]),
    ...(keyChanges === 0
      ? []
      : [
          `${keyChanges} events of ${of} came again under another partition or key: which delivery counts is a matter of time`,
        ]),
  ];
}

/** What a disk budget keeps from being taken. */
export function degradedDisk({ over, refusedEvents, skippedRows }: DiskReport): readonly string[] {
  if (over === null) return [];
  const budget = over === 'day' ? 'the disk budget of the day is used up' : 'the disk budget is used up';
  return [`${budget}: ${refusedEvents} events were refused and ${skippedRows} logged rows left out since the start`];
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
