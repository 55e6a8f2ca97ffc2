import { fail } from '../base/errors/fail.ts';
import type { OpenSpan } from '../base/tracer.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type { Columns } from '../schema/column.ts';
import { vectorWriter } from '../schema/vector-binary.ts';
import type { PredictionRequest } from '../serving/online/predict-many.ts';
import type { Prediction } from '../serving/online/prediction.ts';
import { arrayOf, instantOf, objectBody } from './body.ts';
import { MOST_KEYS } from './feature-answer.ts';

/** Makes predictions: the running project. */
export interface Predicts {
  predictMany(
    model: ModelData,
    requests: readonly PredictionRequest[],
    options: {
      readonly at: number | undefined;
      readonly trace: OpenSpan | null;
      readonly deadline: number;
      readonly caller: string;
      readonly signal: AbortSignal;
    },
  ): Promise<readonly Prediction[]>;
}

/** One call of the route. */
export interface PredictionCall {
  readonly model: ModelData;
  /** Text, or the bytes of one. */
  readonly body: unknown;
  /** The header headrace-timeout-ms. */
  readonly timeout: string | null;
  /** The id of its key; empty: it has none. */
  readonly caller: string;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  readonly trace: OpenSpan | null;
}

/**
 * Answers a body `{id, request}` with one prediction, `{requests}` with many, made in one run. Errors: SERVER_BODY, SERVER_HEADER,
 * those of `predictMany`. Hot path.
 */
export async function predictionText(from: Predicts, call: PredictionCall): Promise<string> {
  const asked = askedOf(call.body);
  const predictions = await made(from, call, asked);
  if (!asked.isMany) return textOf(predictions[0]);
  return `{"predictions":[${predictions.map(textOf).join(',')}]}`;
}

/** The columns of the binary form. The model is that of the path; instants and ages are those of its vectors. */
const COLUMNS: Columns = {
  id: { type: 'text', nullable: false },
  version: { type: 'int', nullable: false },
  cohort: { type: 'text', nullable: false },
  rollout: { type: 'text', nullable: true },
  score: { type: 'float', nullable: false },
  missing: { type: 'int', nullable: false },
};

const writePredictions = vectorWriter(COLUMNS);

/** The same in the binary form of vectors (`schema/vector-format.ts`). */
export async function predictionBytes(from: Predicts, call: PredictionCall): Promise<Uint8Array> {
  const predictions = await made(from, call, askedOf(call.body));
  return writePredictions(
    predictions.map(({ id, version, cohort, rollout, score, at, ages, missing }) => ({
      at,
      ages,
      values: [id, version, cohort, rollout, score, missing],
      missing: [],
      stale: [],
      degraded: false,
    })),
  );
}

export interface Asked {
  readonly requests: readonly PredictionRequest[];
  readonly at: number | undefined;
  readonly isMany: boolean;
}

function made(
  from: Predicts,
  { model, timeout, caller, signal, trace }: PredictionCall,
  { requests, at }: Asked,
): Promise<readonly Prediction[]> {
  return from.predictMany(model, requests, { at, trace, deadline: deadlineOf(timeout), caller, signal });
}

/** The requests of a body. Error: SERVER_BODY. */
export function askedOf(text: unknown): Asked {
  const body = objectBody(text, ['id', 'request', 'requests', 'at']);
  const at = instantOf(body['at']);
  const many = body['requests'];
  if (many === undefined) return { requests: [requestOf(body)], at, isMany: false };
  if (body['id'] !== undefined || body['request'] !== undefined)
    throw fail('SERVER_BODY', { reason: 'it has both "requests" and a single request' });
  const requests = arrayOf(many, 'requests', MOST_KEYS).map((one, i) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one))
      throw fail('SERVER_BODY', { reason: `"requests.${i}" is not an object` });
    for (const member in one)
      if (member !== 'id' && member !== 'request')
        throw fail('SERVER_BODY', { reason: `"requests.${i}" has a member "${member.slice(0, 50)}"` });
    return requestOf(one as Readonly<Record<string, unknown>>, `requests.${i}.`);
  });
  return { requests, at, isMany: true };
}

function requestOf(body: Readonly<Record<string, unknown>>, place = ''): PredictionRequest {
  const { id, request } = body;
  if (typeof id !== 'string') throw fail('SERVER_BODY', { reason: `"${place}id" is no text` });
  return { id, request };
}

const TIMEOUT = /^\d{1,9}(?:\.\d{1,6})?$/;

/** Until when a caller waits, by its own header (`performance.now()`). Error: SERVER_HEADER. */
export function deadlineOf(text: string | null): number {
  if (text === null) return Number.POSITIVE_INFINITY;
  if (TIMEOUT.test(text)) return performance.now() + Number(text);
  throw fail('SERVER_HEADER', {
    header: 'headrace-timeout-ms',
    reason: `"${text.slice(0, 40)}" is no number of milliseconds`,
  });
}

/** A prediction as JSON. Finite numbers, null and names read the same in a template, which takes half the time. Hot path. */
function textOf({ id, model, version, cohort, rollout, score, at, ages, missing }: Prediction): string {
  const { streaming, batch } = ages;
  const by = rollout === null ? 'null' : `"${rollout}"`;
  return `{"id":${JSON.stringify(id)},"model":"${model}","version":${version},"cohort":"${cohort}","rollout":${by},"score":${score},"at":${at},"ages":{"streaming":${ageText(streaming)},"batch":${ageText(batch)}},"missing":${missing}}`;
}

/** JSON has no number for an age that never ends. */
export function ageText(ms: number | null): string {
  return ms === null || !Number.isFinite(ms) ? 'null' : String(ms);
}
