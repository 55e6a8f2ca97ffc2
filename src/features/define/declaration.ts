import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { ColumnSpec, Columns, Value } from '../../schema/column.ts';
import type { Expression } from '../expression/expression.ts';
import type { SinkSpec } from './score-sink.ts';

/**
 * A project's declaration, as plain frozen data. The factories of this folder create it and carry the inferred types;
 * everything downstream reads this shape only. All of it except `compute` and `run` is JSON.
 */

/** A thing that has features: its name and the columns of its key. */
export interface EntityData {
  readonly kind: 'entity';
  readonly name: string;
  readonly key: Columns;
}

/** A stream of events. Lateness and future skew are judged once per source (see `engine/admission.ts`). */
export interface EventSourceData {
  readonly kind: 'eventSource';
  readonly name: string;
  readonly version: number;
  /** The column that identifies an event: at most 36 of [0-9A-Za-z._-]. */
  readonly id: string;
  /** The column of event time. */
  readonly time: string;
  readonly columns: Columns;
  /** An event that arrives later than this after its time is dropped and counted; equality is accepted. */
  readonly latenessMs: number;
  /** An event whose time is further than this ahead of its arrival is quarantined. */
  readonly futureSkewMs: number;
  /** Of a source of changes: a delivery puts a row's image in or takes it away, and its time is when that happened. */
  readonly changes?: RowImages;
  /** Of a source whose events are the scores of a stream: nobody sends them. */
  readonly scores?: StreamScores;
}

/** A stream of the project, and the columns that follow those of its source. */
export interface StreamScores {
  readonly stream: string;
  readonly score: string;
  readonly version: string;
}

/** Columns of a source of changes that say which row an image is of, the row's own time, and whether it is taken away. */
export interface RowImages {
  readonly id: string;
  readonly time: string;
  /** A bool column: true for the image before an update or a delete. */
  readonly before: string;
}

export type AggregateKind =
  | 'count'
  | 'share'
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'variancePop'
  | 'varianceSample'
  | 'stddevPop'
  | 'stddevSample'
  | 'first'
  | 'last'
  | 'lastN'
  | 'distinct'
  | 'approxDistinct'
  | 'quantile'
  | 'topK'
  | 'topKCounts'
  | 'meanOfDays'
  | 'minOfDays'
  | 'maxOfDays'
  | 'quantileOfDays';

/** One aggregate of a stream view: one partial in each tile, read over one or more windows. */
export interface AggregateSpec {
  readonly name: string;
  readonly kind: AggregateKind;
  /** null: count of events. */
  readonly input: Expression | null;
  /** Type of the input's value; null where input is. */
  readonly inputType: ColumnSpec | null;
  /** lastN: n · distinct, topK, topKCounts: cap · topK, topKCounts: k · quantile, quantileOfDays: q in [0, 1]. */
  readonly params: Readonly<Record<string, number>>;
  /** The source deletes rows: the partial supports exact deletion (`aggregate/retracting.ts`). */
  readonly retracts?: true;
}

/** One feature of a stream view: an aggregate over a window. */
export interface StreamFeatureSpec {
  /** `mean_delay_1h`; `mean_delay` alone where the window is `ever`. */
  readonly name: string;
  /** Index into the view's aggregates. */
  readonly aggregate: number;
  /** null: all events. */
  readonly windowMs: number | null;
  /** The hop that the window's tail is rounded down to. */
  readonly hopMs: number;
  readonly type: ColumnSpec;
}

/** The answer of a read for a view that exceeded its budget. */
export type LateChoice = 'fail' | 'null' | 'lastKnown';

/** How long a read may wait for a view, and what it answers for it then. */
export interface LatencyBudget<C extends LateChoice = LateChoice> {
  readonly withinMs: number;
  readonly otherwise: C;
}

export interface StreamViewData {
  readonly kind: 'streamView';
  readonly name: string;
  readonly version: number;
  readonly source: EventSourceData;
  readonly entity: EntityData;
  /** Source column by entity key column. */
  readonly key: Readonly<Record<string, string>>;
  readonly aggregates: readonly AggregateSpec[];
  readonly features: readonly StreamFeatureSpec[];
  /** Hops of the stored tiles, ascending, each a whole multiple of the previous one. */
  readonly hopsMs: readonly number[];
  readonly freshnessMs: number;
  readonly latency?: LatencyBudget;
  /** Only events younger than this count, whatever the window; null: no limit. */
  readonly ttlMs: number | null;
}

/** SQL over the offline store: `{{source:alias}}` and `{{asOf}}` stand for the reads and the instant of the run. */
export interface SqlTemplate {
  readonly kind: 'sql';
  readonly text: string;
}

export interface BatchViewData {
  readonly kind: 'batchView';
  readonly name: string;
  readonly version: number;
  readonly entity: EntityData;
  /** Five-field cron, UTC. */
  readonly schedule: string;
  readonly freshnessMs: number;
  readonly latency?: LatencyBudget;
  readonly reads: Readonly<Record<string, EventSourceData>>;
  readonly features: Columns;
  readonly sql: SqlTemplate;
  /** The share of the keys of the generation before that a run may lack; left out: 0.5, of a generation with few keys 1. */
  readonly mayLose?: number;
  /** The SQL gives requests of a model, and the features are its scores; left out: the SQL gives the features. */
  readonly scores?: ScoresSpec;
}

/** The model of precomputed scores. */
export interface ScoresSpec {
  readonly model: ModelData;
  /** The share of the rows of a run that may be rejected; left out: as of any batch job. */
  readonly mostErrors?: number;
}

/** A batch view of precomputed scores. */
export type ScoredViewData = BatchViewData & { readonly scores: ScoresSpec };

export interface OnDemandViewData {
  readonly kind: 'onDemandView';
  readonly name: string;
  readonly version: number;
  readonly inputColumns: Columns;
  readonly features: Columns;
  readonly latency?: LatencyBudget<'fail' | 'null'>;
  /** The text of the function that was written, to tell that it has changed. */
  readonly computeText: string;
  /** Pure; runs over requests and over training rows alike. Takes and gives values as they are inside. */
  readonly compute: (inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>;
}

/** Where a value of a service comes from. */
export type ServiceExpression =
  | { readonly kind: 'request'; readonly name: string }
  /** `lookup` is the alias of a lookup, `feature` one of its view's features. */
  | { readonly kind: 'feature'; readonly lookup: string; readonly feature: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  /** `otherwise` as on the wire: int64 and decimals are texts. */
  | { readonly kind: 'orElse'; readonly of: ServiceExpression; readonly otherwise: string | number | boolean };

export interface LookupSpec {
  readonly alias: string;
  readonly view: StreamViewData | BatchViewData;
  /** Request column by entity key column. */
  readonly key: Readonly<Record<string, string>>;
  /** Features of the view that go into the vector (all that `compute` reads are read as well). */
  readonly features: readonly string[];
}

export type ComputedSpec =
  | { readonly kind: 'value'; readonly alias: string; readonly of: ServiceExpression; readonly type: ColumnSpec }
  | {
      readonly kind: 'apply';
      readonly alias: string;
      readonly view: OnDemandViewData;
      readonly inputs: Readonly<Record<string, ServiceExpression>>;
    };

/** One position of a served vector. */
export interface ServiceFeatureSpec {
  /** `origin_flights_15m`: alias, underscore, name in the view; the alias alone for a computed value. */
  readonly name: string;
  readonly type: ColumnSpec;
  readonly tier: 'request' | 'streaming' | 'batch';
  /** Alias of the lookup or the computed entry. */
  readonly from: string;
  /** Name in the view; null for a computed value. */
  readonly feature: string | null;
}

/** When the served vectors of a service are audited, and the share of values that may differ from the history. */
export interface SkewBudget {
  /** Five-field cron, UTC. */
  readonly schedule: string;
  /** Of the values compared; a mismatch of logic is one too many whatever it says. */
  readonly atMost: number;
}

export interface FeatureServiceData {
  readonly kind: 'featureService';
  readonly name: string;
  readonly version: number;
  readonly request: Columns;
  readonly p99Ms: number | null;
  readonly skew?: SkewBudget;
  readonly lookups: readonly LookupSpec[];
  readonly computed: readonly ComputedSpec[];
  /** The vector, in order. */
  readonly features: readonly ServiceFeatureSpec[];
}

export interface LabelSpec {
  readonly from: EventSourceData;
  /** Column whose value is the prediction's id. */
  readonly id: string;
  readonly value: Expression;
  readonly valueType: ColumnSpec;
  /** Label where none came within the time; null: such a prediction stays without a label. */
  readonly otherwise: boolean | number | null;
  readonly withinMs: number;
}

/** An early sign of a label: an expression over events. */
export interface ProxyData extends LabelSpec {
  readonly name: string;
}

export interface ModelData {
  readonly kind: 'model';
  readonly name: string;
  readonly task: 'binary' | 'regression';
  /** The quantile of the label that a regression predicts; null: its mean, or what its trainer makes of it. */
  readonly quantile: number | null;
  readonly service: FeatureServiceData;
  /** Where training rows ask from: the source's rows are requests, its id the prediction id, its time the instant asked for. */
  readonly spine: { readonly from: EventSourceData; readonly id: string };
  readonly label: LabelSpec;
  /** Absent where there is none. */
  readonly proxies?: readonly ProxyData[];
  readonly train: {
    readonly with: Readonly<Record<string, unknown>> & { readonly kind: string };
    readonly windowMs: number | null;
  };
  /** As written; `resolveMonitor` fills in defaults. */
  readonly monitors: readonly Readonly<Record<string, unknown>>[];
  /** As written; `playbookPlan` resolves it. */
  readonly playbook: Readonly<Record<string, unknown>>;
  /** Time within which 99 of 100 predictions should be answered, ms; null: none. */
  readonly p99Ms: number | null;
  /** As written; `rolloutPlan` resolves it. */
  readonly rollout: Readonly<Record<string, unknown>>;
}

/** A model that scores every event of a source, each with the features of its instant. */
export type StreamBegin = 'now' | number;

export interface StreamInferenceData {
  readonly kind: 'streamInference';
  readonly name: string;
  readonly model: ModelData;
  /** Its events are the requests. */
  readonly from: EventSourceData;
  /** Names the topic of the outputs. */
  readonly to: string;
  /** An engine reads the events elsewhere, asks the stream's model, and writes the outputs. */
  readonly scoredBy: 'headrace' | 'engine';
  /** The first event that is scored: the next to come, or the first that came at this instant or later (epoch ms). Absent: the oldest. */
  readonly begins?: StreamBegin;
  /** Where outputs are sent, by name; absent where there is none. */
  readonly sinks?: Readonly<Record<string, SinkSpec>>;
}

/** Features of a service, scores of models, and a function of both. */
export interface PipelineData {
  readonly kind: 'pipeline';
  readonly name: string;
  readonly version: number;
  readonly service: FeatureServiceData;
  /** By the names that the pipeline gives them. */
  readonly models: Readonly<Record<string, ModelData>>;
  readonly outputs: Columns;
  readonly runText: string;
  /** Over values as users see them. */
  readonly run: (input: PipelineValues) => MaybePromise<Readonly<Record<string, unknown>>>;
}

/** The argument of a pipeline's function, without its types. */
export interface PipelineValues {
  readonly request: Readonly<Record<string, Value>>;
  readonly features: Readonly<Record<string, Value>>;
  readonly scores: Readonly<Record<string, number>>;
}

export type ViewData = StreamViewData | BatchViewData | OnDemandViewData;

export interface ProjectData {
  readonly kind: 'project';
  readonly name: string;
  readonly sources: readonly EventSourceData[];
  readonly views: readonly ViewData[];
  readonly services: readonly FeatureServiceData[];
  readonly models: readonly ModelData[];
  /** Absent in a declaration that was read from its file: streams leave no data that depends on them. */
  readonly streams?: readonly StreamInferenceData[];
  /** Absent where there is none. */
  readonly pipelines?: readonly PipelineData[];
}
