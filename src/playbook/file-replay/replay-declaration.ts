import { type DurationText, formatDuration } from '../../base/time.ts';
import type { TagsOf } from '../../features/define/column-factories.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import {
  type Column,
  count,
  defineProject,
  type EventSource,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lookup,
  model,
  nullable,
  streamView,
  text,
  time,
} from '../../features/define/declare.ts';
import type { Ref } from '../../features/define/feature-service.ts';
import type { MonitorOptions } from '../../features/define/monitor.ts';
import type { PlaybookOptions } from '../../features/define/playbook.ts';
import type { RolloutOptions } from '../../features/define/rollout.ts';
import type { ReplayRows } from './replay-rows.ts';

/** How a file is replayed; every duration in ms. */
export interface ReplayPlan {
  readonly windowMs: number;
  /** Ms after a prediction until its label counts for the last time. */
  readonly labelWithinMs: number;
  /** Whether new versions are trained. */
  readonly retrain: boolean;
  /** Cron of a regular training; null: only after a concept drift. */
  readonly schedule: string | null;
  readonly trainingWindowMs: number | null;
  readonly rule: string;
  readonly trees: number;
  /** The playbook decides, and nothing is done. */
  readonly isDry: boolean;
}

/** Columns of every replay. A declaration has those of its file besides: no type knows their names. */
const KNOWN = { given_score: nullable(float()), file: text() };
const requestColumns = { id: text(), at: time(), ...KNOWN };
const labelColumns = { id: text(), at: time(), request: text(), value: float() };

/** The request of a row: columns of every replay, and those of the file. */
export interface ReplayRequest {
  readonly given_score: number | null;
  readonly file: string;
  readonly [column: string]: string | number | null;
}

/** The declaration of a replay: one source of requests, one of labels, a service of the file's columns and its model. */
export interface ReplayDeclaration {
  readonly project: ProjectData;
  readonly model: ModelData;
  readonly requests: EventSource<TagsOf<typeof requestColumns>>;
  /** Of a binary task a value is 0 or 1. */
  readonly labels: EventSource<TagsOf<typeof labelColumns>>;
  /** The request of a row. */
  readonly requestOf: (row: number) => ReplayRequest;
}

const REPLAYED = 'replayed';

/** Declares a project whose features are the columns of a file. Errors: those of a declaration. */
export function declareReplay(rows: ReplayRows, plan: ReplayPlan): ReplayDeclaration {
  const own = columnsOf(rows);
  // Rows of a part come together at its end.
  const lateness = formatDuration(plan.windowMs) as DurationText;
  const columns: typeof requestColumns = { ...requestColumns, ...own };
  const requests = eventSource('requests', { id: 'id', time: 'at', columns, lateness });
  const labels = eventSource('labels', { id: 'id', time: 'at', columns: labelColumns, lateness });
  const request: typeof KNOWN = { ...KNOWN, ...own };
  const service = featureService('row', {
    request,
    join: ({ file }) => ({ unused: lookup(unused(), { file }) }),
    compute: (columns): Readonly<Record<string, Ref<'text' | 'float?'>>> => ({ ...columns }),
  });
  const common = {
    service,
    spine: { from: requests, id: 'id' },
    train: { with: trainerOf(rows, plan) },
    monitors: monitorsOf(rows, plan),
    playbook: playbookOf(plan, rows.label !== null),
    rollout: rolloutOf(plan),
  } as const;
  const label = { from: labels, id: 'request', within: formatDuration(plan.labelWithinMs) as DurationText } as const;
  const replayed =
    rows.task === 'binary'
      ? model(REPLAYED, { ...common, task: 'binary', label: { ...label, value: ({ value }) => gt(value, 0.5) } })
      : model(REPLAYED, { ...common, task: 'regression', label: { ...label, value: ({ value }) => value } });
  const project = defineProject('replay', { requests, labels, row: service, [REPLAYED]: replayed });
  return { project, model: replayed, requests, labels, requestOf: requestOf(rows) };
}

function columnsOf({ features }: ReplayRows): Readonly<Record<string, Column<'text?' | 'float?' | 'int?'>>> {
  const columns: Record<string, Column<'text?' | 'float?' | 'int?'>> = {};
  for (const { name, code } of features) {
    columns[name] = code === null ? nullable(float()) : nullable(text());
    if (code !== null) columns[code] = nullable(int());
  }
  return columns;
}

function trainerOf({ features }: ReplayRows, { trees }: ReplayPlan) {
  const categorical = features.flatMap(({ code }) => (code === null ? [] : [code]));
  return { kind: 'boostedTrees', trees, categorical, earlyStopping: { rounds: 20, share: 0.2 } };
}

function monitorsOf({ features, score, label }: ReplayRows, { rule, windowMs }: ReplayPlan): MonitorOptions<string>[] {
  const window = formatDuration(windowMs) as DurationText;
  const monitors: MonitorOptions<string>[] = [];
  if (features.length > 0)
    monitors.push({ kind: 'featureDrift', features: features.map(({ name }) => name), rule, window });
  if (score !== null || label !== null) monitors.push({ kind: 'predictionDrift', rule, window });
  if (label !== null) monitors.push({ kind: 'conceptDrift', window, k: 1 });
  return monitors;
}

function rolloutOf({ windowMs }: ReplayPlan): RolloutOptions<never> {
  return {
    shadow: formatDuration(windowMs / 2) as DurationText,
    steps: [5, 25, 50],
    every: formatDuration(Math.floor(windowMs / 6)) as DurationText,
    requests: 20,
    guardrails: { p99: false, timeouts: false },
    // The paired shadow proves the gain.
    success: { labels: 100, margin: false },
    soak: formatDuration(windowMs) as DurationText,
  };
}

/** A service looks up at least one view: this one stays empty. */
function unused() {
  const source = eventSource('unused', { id: 'id', time: 'at', columns: { id: text(), at: time(), file: text() } });
  return streamView('unused', {
    source,
    entity: entity('file', { file: text() }),
    key: { file: 'file' },
    windows: ['1h'],
    freshness: '1s',
    features: () => ({ events: count() }),
  });
}

function playbookOf(
  { retrain, schedule, trainingWindowMs, windowMs, isDry }: ReplayPlan,
  hasLabels: boolean,
): PlaybookOptions {
  const window = formatDuration(windowMs) as DurationText;
  return {
    mode: isDry ? 'dryRun' : 'act',
    retrain:
      retrain && hasLabels
        ? {
            rows: 300,
            cooldown: window,
            ...(schedule === null ? {} : { schedule }),
            ...(trainingWindowMs === null ? {} : { window: formatDuration(trainingWindowMs) as DurationText }),
          }
        : false,
    gate: { recent: window },
    shadow: { labels: 200 },
    hold: formatDuration(14 * windowMs) as DurationText,
  };
}

function requestOf({ features, score }: ReplayRows): ReplayDeclaration['requestOf'] {
  return (row) => {
    const request: Record<string, string | number | null> = {};
    for (const { name, values, codes, code } of features) {
      const value = values[row];
      request[name] = typeof value === 'number' ? finite(value) : value;
      if (code !== null) request[code] = typeof value === 'string' ? (codes?.get(value) ?? null) : null;
    }
    return { ...request, given_score: score === null ? 0 : finite(score[row]), file: 'file' };
  };
}

/** Null is the missing number of a request. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
