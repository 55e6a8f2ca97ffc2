import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Value } from '../../schema/column.ts';
import { parseJsonExact } from '../../schema/json-exact.ts';

const whole = z.int().min(0);

/** A record that an engine elsewhere has read, with its place in the input. */
export interface EngineRequest {
  readonly partition: number;
  readonly offset: number;
  /** Event time, epoch ms; null: the present. */
  readonly at: number | null;
  readonly request: Readonly<Record<string, Value>>;
}

const requestSchema = z.strictObject({
  partition: whole,
  offset: whole,
  at: z.number().optional(),
  request: z.record(z.string(), z.unknown()),
});

/** `{"partition":0,"offset":7,"at":1700000000000,"request":{"user":"u1"}}`; `at` may be left out. Error: MODEL_TENSOR. */
export function parseEngineRequest(text: string): EngineRequest {
  let content: unknown;
  try {
    content = parseJsonExact(text);
  } catch (error) {
    throw fail('MODEL_TENSOR', { reason: `the request of a stream is no JSON: ${reasonOf(error)}` }, error);
  }
  const { success, data, error } = requestSchema.safeParse(content);
  if (!success) {
    const [{ path, message }] = error.issues;
    throw fail('MODEL_TENSOR', { reason: `the request of a stream: ${path.join('.')}: ${message}` });
  }
  const { at = null, request, ...place } = data;
  // The values are checked by the service that they are a request of.
  return { ...place, at, request: request as Readonly<Record<string, Value>> };
}
