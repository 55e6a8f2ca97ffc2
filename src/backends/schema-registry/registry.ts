import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';

/** How a registry is reached; secrets are here already, and nowhere else. */
export interface RegistryAddress {
  readonly url: string;
  /** Time limit of one request, ms. */
  readonly timeoutMs: number;
  /** The value of the header `authorization`. */
  readonly authorization?: string;
  /** PEM of the trusted authorities (without `ca`: those of the system) and of the client's certificate. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly servername?: string };
}

const referenceShape = z.object({ name: z.string(), subject: z.string(), version: z.int() });

const schemaShape = z.object({
  schema: z.string(),
  schemaType: z.string().default('AVRO'),
  references: z.array(referenceShape).nullish(),
});

/** A schema as a registry answers with it. */
export type RegisteredSchema = Readonly<z.output<typeof schemaShape>>;

/** A schema that another names. */
export type SchemaReference = Readonly<z.output<typeof referenceShape>>;

/** An answer of more bytes than this is no schema. */
const MOST_BYTES = 8 * 2 ** 20;

/** The code of a registry for an unknown id: other answers with 404 come from elsewhere. */
const SCHEMA_NOT_FOUND = 40_403;

/** The schema of an id, in the form that a format names; null where the registry has none. Errors: SCHEMA_UNREACHABLE, SCHEMA_DENIED. */
export async function schemaOfId(
  address: RegistryAddress,
  id: number,
  form: 'serialized' | null,
  signal: AbortSignal,
): Promise<RegisteredSchema | null> {
  const { status, body } = await get(address, `schemas/ids/${id}${formatOf(form)}`, signal);
  if (status === 404 && isErrorCode(body, SCHEMA_NOT_FOUND)) return null;
  return schemaIn(address, status, body);
}

/** The schema that a reference names. Errors: as above. */
export async function schemaOfReference(
  address: RegistryAddress,
  { subject, version }: SchemaReference,
  form: 'serialized' | null,
  signal: AbortSignal,
): Promise<RegisteredSchema> {
  const path = `subjects/${encodeURIComponent(subject)}/versions/${version}${formatOf(form)}`;
  const { status, body } = await get(address, path, signal);
  return schemaIn(address, status, body);
}

function formatOf(form: 'serialized' | null): string {
  return form === null ? '' : `?format=${form}`;
}

function schemaIn({ url }: RegistryAddress, status: number, body: unknown): RegisteredSchema {
  if (status === 401 || status === 403) throw fail('SCHEMA_DENIED', { url, reason: `it answers ${status}` });
  if (status !== 200) throw fail('SCHEMA_UNREACHABLE', { url, reason: `it answers ${status}${messageOf(body)}` });
  const parsed = schemaShape.safeParse(body);
  if (!parsed.success) throw fail('SCHEMA_UNREACHABLE', { url, reason: 'its answer is no schema' });
  return parsed.data;
}

function isErrorCode(body: unknown, code: number): boolean {
  return typeof body === 'object' && body !== null && Reflect.get(body, 'error_code') === code;
}

function messageOf(body: unknown): string {
  const message: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'message') : undefined;
  return typeof message === 'string' ? `: ${message}` : '';
}

interface Answer {
  readonly status: number;
  /** The body as JSON; null where it is not JSON. */
  readonly body: unknown;
}

async function get(address: RegistryAddress, path: string, signal: AbortSignal): Promise<Answer> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(address.timeoutMs)]);
    const answer = await answerOf(send(address, path, within));
    return { status: answer.statusCode ?? 0, body: jsonOf(await answerText(answer, MOST_BYTES)) };
  } catch (error) {
    throw fail('SCHEMA_UNREACHABLE', { url: address.url, reason: reasonOf(error, address.timeoutMs) }, error);
  }
}

/** A redirect is an answer: what is shown to one server goes to no other. */
function send({ url, authorization, tls }: RegistryAddress, path: string, signal: AbortSignal): ClientRequest {
  const target = new URL(path, url.endsWith('/') ? url : `${url}/`);
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json',
    ...(authorization === undefined ? {} : { authorization }),
  };
  return target.protocol === 'https:'
    ? overHttps(target, { headers, signal, ...tls })
    : overHttp(target, { headers, signal });
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject).end();
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (error.name === 'AbortError')
    return cause instanceof Error && cause.name === 'TimeoutError'
      ? `no answer within ${timeoutMs} ms`
      : 'it was stopped';
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
