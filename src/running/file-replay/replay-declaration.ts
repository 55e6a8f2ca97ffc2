import { type DurationText, formatDuration } from '../../base/time.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import {
  bool,
  type Column,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  lookup,
  model,
  nullable,
  streamView,
  text,
  time,
} from '../../features/define/declare.ts';
import type { PlaybookOptions } from '../../features/define/playbook.ts';
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
}

/** The declaration of a replay: one source of requests, one of labels, a service of the file's columns and its model. */
export interface ReplayDeclaration {
  readonly project: ProjectData;
  readonly model: ModelData;
  /** Columns of the requests, in the order of `requestOf`. */
  readonly requests: ReturnType<typeof eventSource>;
  readonly labels: ReturnType<typeof eventSource>;
  /** The request of a row. */
  readonly requestOf: (row: number) => Readonly<Record<string, string | number | null>>;
}

type Columns = Record<string, Column<'text' | 'text?' | 'float' | 'float?' | 'int?' | 'bool' | 'time'>>;

/** The name of a text's number, which the model reads. */
const codeOf = (name: string) => `${name}_code`;

const REPLAYED = 'replayed';

/** Declares a project whose features are the columns of a file. Errors: those of a declaration. */
export function declareReplay(rows: ReplayRows, plan: ReplayPlan): ReplayDeclaration {
  const { features, task, score } = rows;
  const own: Columns = { given_score: nullable(float()), file: text() };
  for (const { name, codes } of features) {
    own[name] = codes === null ? nullable(float()) : nullable(text());
    if (codes !== null) own[codeOf(name)] = nullable(int());
  }
  // Rows of a part come together at its end.
  const window = formatDuration(plan.windowMs) as DurationText;
  const requests = eventSource('requests', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), ...own },
    lateness: window,
  });
  const labels = eventSource('labels', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), request: text(), value: task === 'binary' ? bool() : float() },
    lateness: window,
  });
  const service = featureService('row', {
    request: own,
    join: (r) => ({ unused: lookup(unused(), { file: (r as never)['file'] }) }),
    compute: (r) => r as never,
  });
  const watched = features.map(({ name }) => name);
  const hasLabels = rows.label !== null;
  const categorical = features.flatMap(({ name, codes }) => (codes === null ? [] : [codeOf(name)]));
  const replayed = model(REPLAYED, {
    task: task as never,
    service: service as never,
    spine: { from: requests as never, id: 'id' as never },
    label: {
      from: labels as never,
      id: 'request' as never,
      value: ((e: { value: never }) => e.value) as never,
      within: formatDuration(plan.labelWithinMs) as DurationText,
    },
    train: {
      with: { kind: 'boostedTrees', trees: plan.trees, categorical, earlyStopping: { rounds: 20, share: 0.2 } },
    },
    monitors: [
      { kind: 'featureDrift', features: watched as never, rule: plan.rule, window },
      ...(score === null && !hasLabels ? [] : [{ kind: 'predictionDrift', rule: plan.rule, window } as const]),
      ...(hasLabels ? [{ kind: 'conceptDrift', window, k: 1 } as const] : []),
    ],
    playbook: playbookOf(plan, hasLabels),
    rollout: {
      shadow: formatDuration(plan.windowMs / 2) as DurationText,
      steps: [5, 25, 50],
      every: formatDuration(Math.floor(plan.windowMs / 6)) as DurationText,
      requests: 20,
      guardrails: { p99: false, scoreShift: false, scoreDistance: false, timeouts: false },
      success: { labels: 100 },
      soak: window,
    },
  });
  const project = defineProject('replay', { requests, labels, row: service, [REPLAYED]: replayed } as never);
  return {
    project: project as ProjectData,
    model: replayed as unknown as ModelData,
    requests,
    labels: labels as never,
    requestOf: requestOf(rows),
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
  { retrain, schedule, trainingWindowMs, windowMs }: ReplayPlan,
  hasLabels: boolean,
): PlaybookOptions {
  const window = formatDuration(windowMs) as DurationText;
  return {
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
    const given = score === null ? 0 : finite(score[row]);
    const request: Record<string, string | number | null> = { given_score: given, file: 'file' };
    for (const { name, values, codes } of features) {
      const value = values[row];
      request[name] = typeof value === 'number' ? finite(value) : value;
      if (codes !== null) request[codeOf(name)] = typeof value === 'string' ? (codes.get(value) ?? null) : null;
    }
    return request;
  };
}

/** Null is the missing number of a request. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
