import { fail } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { OpenSpan, Tracer } from '../../base/tracer.ts';
import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import type { AppendOutcome } from '../../featurestore/ingest/append-outcome.ts';
import type { ServedVector } from '../../featurestore/online/served-vector.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { callerGroup } from '../rollout/caller-groups.ts';
import type { PredictedModel } from './predicted-model.ts';
import type { NewPrediction, Prediction } from './prediction.ts';
import { mustBeLoggable } from './prediction-log.ts';

/** One request for a prediction; `id` is what its label will name. */
export interface PredictionRequest<R = unknown> {
  readonly id: string;
  readonly request: R;
}

/** How a prediction is made. */
export interface PredictOptions {
  /** The instant of the features, epoch ms; default: now. */
  readonly at?: number | undefined;
  /** The span that it is a part of; null: not traced; absent: by the sample rate. */
  readonly trace?: OpenSpan | null;
  /** Until when the caller waits (`performance.now()`); default: for as long as it takes. Error: MODEL_DEADLINE. */
  readonly deadline?: number | undefined;
  /** The id of the caller's key, whose rows wait by its share; empty: it has none. */
  readonly caller?: string | undefined;
  /** Aborted when the caller leaves: a request that waits leaves the queue, and nothing is logged. Error: MODEL_LEFT. */
  readonly signal?: AbortSignal | undefined;
}

/** The parts that make a prediction. */
export interface PredictingWith {
  readonly open: PredictedModel;
  readonly read: (
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
    id: string,
    trace: OpenSpan | null,
  ) => MaybePromise<ServedVector>;
  readonly appends: AppendOutcome;
  readonly tracer: Tracer | null;
  /** Notes how long an answered call took, ms. */
  readonly predicted: (model: string, tookMs: number, now: number) => void;
}

/**
 * Predicts for many requests in one run of the model. Each is in the log under its id when this returns, as durable as an
 * event, and waits for its label. Errors: REQUEST_*, MODEL_NONE, MODEL_DEADLINE, MODEL_LEFT, PREDICTION_VALUE, those of the log.
 */
export function predictMany(
  using: PredictingWith,
  model: ModelData,
  requests: readonly PredictionRequest[],
  { trace, ...options }: PredictOptions = {},
): Promise<readonly Prediction[]> {
  if (trace !== undefined) return predictTraced(using, model, requests, { ...options, trace });
  const span = using.tracer?.begin(`predict ${model.name}`) ?? null;
  const predict = () => predictTraced(using, model, requests, { ...options, trace: span });
  return span === null ? predict() : span.around(predict);
}

async function predictTraced(
  using: PredictingWith,
  model: ModelData,
  requests: readonly PredictionRequest[],
  options: PredictOptions,
): Promise<readonly Prediction[]> {
  const { predictions, log } = await scoreMany(using, model, requests, options);
  await log();
  return predictions;
}

/** Predictions that are scored and not logged yet. */
export interface ScoredPredictions {
  readonly predictions: readonly Prediction[];
  /** Logs them, and offers them to a shadow. Call it once, before they are answered. Errors: those of the log. */
  readonly log: () => Promise<void>;
}

/** Scores many requests in one run of the model, up to their log. Errors: as `predictMany`, without those of the log. */
export async function scoreMany(
  { open, read, appends, predicted }: PredictingWith,
  model: ModelData,
  requests: readonly PredictionRequest[],
  { at, trace = null, deadline = Number.POSITIVE_INFINITY, caller: tenant = '', signal }: PredictOptions,
): Promise<ScoredPredictions> {
  const called = performance.now();
  for (const { id } of requests) mustBeLoggable(model.name, id);
  if (open.server.serving === null) throw open.server.refusal;
  const vectors: ServedVector[] = [];
  for (const { id, request } of requests) {
    const vector = read(model.service, request, at, id, trace);
    vectors.push(vector instanceof Promise ? await vector : vector);
  }
  const started = performance.now();
  const { lanes } = open.rollouts;
  const keys = requests.map(({ id, request }) => callerOf(lanes.rollout, id, request));
  const guard = open.inputGuard();
  const rows = vectors.map(({ values }) => (guard === null ? values : guard(values)));
  const scores = await lanes.score(keys, rows, { deadline, tenant, signal });
  const scored = performance.now();
  const versions = [...new Set(scores.map(({ version }) => version))];
  trace?.past('inference', started, scored, {
    'headrace.model': model.name,
    // Callers of one call can be in several cohorts of a rollout.
    'headrace.version': versions.length === 1 ? versions[0] : versions.join(','),
    'headrace.rows': vectors.length,
  });
  const predictions = vectors.map(({ at: asOf, ages, missing }, i): Prediction => {
    const { id } = requests[i];
    const { version, cohort, rollout, score } = scores[i];
    return { id, model: model.name, version, cohort, rollout, score, at: asOf, ages, missing: missing.length };
  });
  const log = async () => {
    // The log has answered predictions: nobody is there to take this one.
    if (signal?.aborted === true) throw fail('MODEL_LEFT', { model: model.name });
    const from = performance.now();
    predictions.forEach(({ id, at: asOf, version }, i) => {
      const { features: names, fed } = scores[i];
      open.fed.add({ id, at: asOf, version, names, fed });
    });
    await appends.noted(
      () => open.log.append(predictions.map((prediction, i) => inLane(prediction, keys[i]))),
      () => predictions.length,
    );
    const ended = performance.now();
    predicted(model.name, ended - called, ended);
    trace?.past('prediction log', from, ended);
    lanes.copy(() => predictions.map((one, i) => ({ ...one, vector: rows[i], group: groupOf(keys[i]) })));
  };
  return { predictions, log };
}

/** The key by which a caller keeps its cohort: as the rollout declares it, otherwise the prediction's id; null: none. */
function callerOf(rollout: Rollout | null, id: string, request: unknown): string | null {
  if (rollout === null) return null;
  const { key } = rollout.plan;
  if (key === null) return id;
  const value = typeof request === 'object' && request !== null ? (request as Record<string, unknown>)[key] : null;
  return value === null || value === undefined ? null : String(value);
}

/** The group of a caller; null: it is unknown. */
function groupOf(key: string | null): number | null {
  return key === null ? null : callerGroup(key);
}

/** A prediction for the log, with the lane that it was made in. */
function inLane(prediction: Prediction, key: string | null): NewPrediction {
  const { cohort, rollout } = prediction;
  return rollout === null || cohort === 'champion'
    ? prediction
    : { ...prediction, lane: { id: rollout, lane: cohort, group: callerGroup(key ?? '') } };
}
