import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { reasonOf as messageOf } from '../base/reason-of.ts';
import { readInstant } from '../schema/instant.ts';
import { checkJson, type DecodedCounts } from '../schema/json-bounds.ts';
import { parseJsonExact } from '../schema/json-exact.ts';
import { parseInTurns } from '../schema/json-in-turns.ts';

/** A body as text: the lean reader decodes it, the full server gives its bytes. Error: SERVER_BODY. */
export function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  if (!Buffer.isBuffer(body)) throw fail('SERVER_BODY', { reason: 'there is none' });
  // Decoded all the same, two keys could become one.
  if (!isUtf8(body)) throw fail('SERVER_BODY', { reason: 'it is not UTF-8' });
  return body.toString('utf8');
}

/** A body that was read already. */
class ReadBody {
  readonly json: unknown;
  constructor(json: unknown) {
    this.json = json;
  }
}

/** A body longer than this is read in turns of the event loop, bytes: the lean reader takes no longer ones. */
export const LONG_BODY = 256 * 1_024;

/** A long body of JSON, as `jsonBody` takes it. Errors: SERVER_BODY, SERVER_BODY_BOUNDS. */
export async function longBody(body: Buffer, counted: (counts: DecodedCounts) => void): Promise<unknown> {
  try {
    return new ReadBody(await parseInTurns(bodyText(body), { parse: parseJsonExact, counted, turn: setImmediate }));
  } catch (error) {
    throw noJson(error);
  }
}

function noJson(error: unknown): unknown {
  return error instanceof SyntaxError ? fail('SERVER_BODY', { reason: messageOf(error) }, error) : error;
}

/** The body of a request as JSON, numbers exact. Errors: SERVER_BODY, SERVER_BODY_BOUNDS. */
export function jsonBody(body: unknown): unknown {
  if (body instanceof ReadBody) return body.json;
  const text = bodyText(body);
  checkJson(text);
  try {
    return parseJsonExact(text);
  } catch (error) {
    throw noJson(error);
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

/** An optional instant, epoch ms: a number, which the read judges by its clock. Error: INSTANT_VALUE. */
export function instantOf(value: unknown): number | undefined {
  if (value === undefined || typeof value === 'number') return value;
  // Of more digits than a double holds.
  return typeof value === 'bigint' ? Number(value) : readInstant(value, 0, { where: 'a read', column: 'at' });
}

/** An instant of a query: digits, which its reader judges. */
export const instantQuery = z.string().regex(/^-?\d{1,20}$/);

/** The span that a query names, as numbers. */
export function spanOf(query: { readonly from?: string | undefined; readonly to?: string | undefined }): {
  readonly from?: number;
  readonly to?: number;
} {
  const { from, to } = query;
  return { ...(from === undefined ? {} : { from: Number(from) }), ...(to === undefined ? {} : { to: Number(to) }) };
}

/** An array of at most `most`. Error: SERVER_BODY. */
export function arrayOf(value: unknown, name: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw fail('SERVER_BODY', { reason: `"${name}" is not an array` });
  if (value.length > most) throw fail('SERVER_BODY', { reason: `"${name}" has more than ${most} entries` });
  return value;
}
