import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import type { OpenSpan } from '../base/tracer.ts';
import type { FeatureServiceData } from '../features/define/declaration.ts';
import type { ServedVector } from '../featurestore/online/served-vector.ts';
import { vectorWriter, type WriteVectors } from '../schema/vector-binary.ts';
import { arrayOf, instantOf, objectBody } from './body.ts';
import type { ServedProject } from './served-project.ts';

/** Requests that are answered at once. */
export const MOST_KEYS = 1_000;

/** Rejects a body that has both forms of a read: one of them would be ignored. Error: SERVER_BODY. */
function oneOf(request: unknown): void {
  if (request !== undefined) throw fail('SERVER_BODY', { reason: 'it has both "request" and "requests"' });
}

/** Answers a body `{request}` with one vector, `{requests}` with many, each read as of `at` (now). Errors: SERVER_BODY, REQUEST_*. */
export function featureAnswer(
  served: ServedProject,
  service: FeatureServiceData,
  text: unknown,
  trace: OpenSpan | null,
): MaybePromise<string> {
  const body = objectBody(text, ['request', 'requests', 'at']);
  const at = instantOf(body['at']);
  const requests = body['requests'];
  if (requests === undefined) return served.vectorText(service, body['request'], at, trace);
  oneOf(body['request']);
  const vectors = arrayOf(requests, 'requests', MOST_KEYS).map((one) => served.vectorText(service, one, at, trace));
  return together(vectors, (all) => `{"vectors":[${all.join(',')}]}`);
}

/** The same in the compact binary form (`schema/vector-format.ts`); a `{request}` is answered by one vector. */
export function binaryAnswer(
  served: ServedProject,
  service: FeatureServiceData,
  text: unknown,
  trace: OpenSpan | null,
): MaybePromise<Uint8Array> {
  const body = objectBody(text, ['request', 'requests', 'at']);
  const at = instantOf(body['at']);
  const many = body['requests'];
  if (many !== undefined) oneOf(body['request']);
  const requests = many === undefined ? [body['request']] : arrayOf(many, 'requests', MOST_KEYS);
  const vectors = requests.map((request): MaybePromise<ServedVector> => served.read(service, request, at, trace));
  return together(vectors, writerOf(service));
}

const writers = new WeakMap<FeatureServiceData, WriteVectors>();

function writerOf(service: FeatureServiceData): WriteVectors {
  let writer = writers.get(service);
  if (writer === undefined) {
    writer = vectorWriter(Object.fromEntries(service.features.map(({ name, type }) => [name, type])));
    writers.set(service, writer);
  }
  return writer;
}

/** Combines all values, at once if all are there at once. */
function together<T, R>(parts: readonly MaybePromise<T>[], make: (all: readonly T[]) => R): MaybePromise<R> {
  const ready: T[] = [];
  for (const part of parts) {
    if (part instanceof Promise) return Promise.all(parts).then(make);
    ready.push(part);
  }
  return make(ready);
}
