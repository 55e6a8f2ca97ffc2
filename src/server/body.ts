import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { reasonOf as messageOf } from '../base/reason-of.ts';
import { parseJsonExact } from '../schema/json-exact.ts';

/** A body as text: the lean reader decodes it, the full server gives its bytes. Error: SERVER_BODY. */
export function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  if (!Buffer.isBuffer(body)) throw fail('SERVER_BODY', { reason: 'there is none' });
  // Decoded all the same, two keys could become one.
  if (!isUtf8(body)) throw fail('SERVER_BODY', { reason: 'it is not UTF-8' });
  return body.toString('utf8');
}

/** The body of a request as JSON, numbers exact. Error: SERVER_BODY. */
export function jsonBody(body: unknown): unknown {
  const text = bodyText(body);
  try {
    return parseJsonExact(text);
  } catch (error) {
    throw fail('SERVER_BODY', { reason: messageOf(error) }, error);
  }
}

/** The body as an object with only these members. Error: SERVER_BODY. */
export function objectBody(body: unknown, members: readonly string[]): Readonly<Record<string, unknown>> {
  const json = jsonBody(body);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw fail('SERVER_BODY', { reason: 'it is not an object' });
  }
  for (const member in json) {
    if (members.includes(member)) continue;
    throw fail('SERVER_BODY', { reason: `it has a member "${member.slice(0, 50)}"; it takes ${members.join(', ')}` });
  }
  return json as Readonly<Record<string, unknown>>;
}

/** The body of a request as a schema has it. Error: SERVER_BODY. */
export function parsedBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  return parsed(schema, jsonBody(body), 'member');
}

/** The query of a request as a schema has it. Error: SERVER_BODY. */
export function parsedQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  return parsed(schema, query, 'query parameter');
}

function parsed<S extends z.ZodType>(schema: S, value: unknown, kind: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw fail('SERVER_BODY', { reason: reasonOf(issue, kind) }, result.error);
}

function reasonOf(issue: z.core.$ZodIssue, kind: string): string {
  if (issue.code === 'unrecognized_keys') return `it has an unknown ${kind} "${issue.keys[0]?.slice(0, 50)}"`;
  const found = issue.message.replace(/^Invalid input: /, '');
  return issue.path.length === 0 ? found : `${kind} "${issue.path.join('.')}": ${found}`;
}

/** An optional instant, epoch ms. Error: SERVER_BODY. */
export function instantOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw fail('SERVER_BODY', { reason: '"at" is not epoch milliseconds' });
}

/** An array of at most `most`. Error: SERVER_BODY. */
export function arrayOf(value: unknown, name: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw fail('SERVER_BODY', { reason: `"${name}" is not an array` });
  if (value.length > most) throw fail('SERVER_BODY', { reason: `"${name}" has more than ${most} entries` });
  return value;
}
