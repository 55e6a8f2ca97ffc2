import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { OpenSpan, Tracer } from '../../base/tracer.ts';
import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import type { AppendOutcome } from '../../featurestore/ingest/append-outcome.ts';
import type { ServedVector } from '../../featurestore/online/served-vector.ts';
import type { OpenModel } from '../models/open-model.ts';
import type { Prediction } from './prediction.ts';
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
}

/** What predictions are made with. */
export interface PredictingWith {
  readonly open: OpenModel;
  readonly read: (
    service: FeatureServiceData,
    request: unknown,
    at: number | undefined,
    id: string,
    trace: OpenSpan | null,
  ) => MaybePromise<ServedVector>;
  readonly appends: AppendOutcome;
  readonly tracer: Tracer | null;
}

/**
 * Predicts for many requests in one run of the model. Each is in the log under its id when this returns, as durable as an
 * event, and waits for its label. Errors: REQUEST_*, MODEL_NONE, PREDICTION_VALUE, those of the log.
 */
export async function predictMany(
  using: PredictingWith,
  model: ModelData,
  requests: readonly PredictionRequest[],
  { at, trace }: PredictOptions = {},
): Promise<readonly Prediction[]> {
  if (trace !== undefined) return predictTraced(using, model, requests, { at, trace });
  const span = using.tracer?.begin(`predict ${model.name}`) ?? null;
  const predict = () => predictTraced(using, model, requests, { at, trace: span });
  return span === null ? predict() : span.around(predict);
}

async function predictTraced(
  { open, read, appends }: PredictingWith,
  model: ModelData,
  requests: readonly PredictionRequest[],
  { at, trace }: { readonly at: number | undefined; readonly trace: OpenSpan | null },
): Promise<readonly Prediction[]> {
  for (const { id } of requests) mustBeLoggable(model.name, id, at);
  if (open.server.serving === null) throw open.server.refusal;
  const vectors: ServedVector[] = [];
  for (const { id, request } of requests) {
    const vector = read(model.service, request, at, id, trace);
    vectors.push(vector instanceof Promise ? await vector : vector);
  }
  const started = performance.now();
  const { version, scores, features, fed } = await open.server.score(vectors.map(({ values }) => values));
  const scored = performance.now();
  trace?.past('inference', started, scored, {
    'headrace.model': model.name,
    'headrace.version': version,
    'headrace.rows': vectors.length,
  });
  const predictions = vectors.map(({ at: asOf, ages, missing }, i): Prediction => {
    const { id } = requests[i];
    open.fed.add({ id, at: asOf, version, names: features, inputs: fed(i) });
    return { id, model: model.name, version, score: scores[i], at: asOf, ages, missing: missing.length };
  });
  await appends.noted(
    () => open.log.append(predictions),
    () => predictions.length,
  );
  trace?.past('prediction log', scored, performance.now());
  return predictions;
}
