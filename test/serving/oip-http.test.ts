import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { type RawAnswer, sendRaw } from './raw-request.ts';
import { servingData, skipNote } from './serving-data.ts';
import { tritonModels } from './triton-models.ts';

interface ExpectedOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly encoding: 'binary' | 'json';
  readonly data: readonly unknown[];
}

interface Expected {
  readonly status?: number;
  readonly status_any?: readonly number[];
  readonly outputs?: readonly ExpectedOutput[];
  readonly content_encoding?: string | null;
  readonly inference_header?: boolean;
  readonly error_contains?: string | null;
  readonly error_nonempty?: boolean;
  readonly json?: unknown;
  readonly json_at?: Readonly<Record<string, unknown>>;
  readonly json_subset?: object;
  readonly json_is_array_with?: object;
  readonly response_headers?: Readonly<Record<string, string>>;
  readonly id?: string;
}

interface Exchange {
  readonly id: string;
  readonly what?: string;
  readonly client?: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body_b64: string;
  };
  readonly expect: Expected;
  readonly group?: string;
}

const isThere = existsSync(servingData);

function exchanges(file: string): readonly Exchange[] {
  if (!isThere) return [];
  const lines = readFileSync(new URL(`oip/${file}`, servingData), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => JSON.parse(line));
}

describe.skipIf(!isThere)(`requests of real clients over HTTP (${skipNote})`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-oip-'));
  let headrace: Headrace;
  let server: RunningServer;

  beforeAll(async () => {
    headrace = await openHeadrace({
      project: defineProject('oip', {}),
      environment: { directory, partitions: 1, models: { repository: tritonModels(directory), serverName: 'triton' } },
    });
    server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  });

  afterAll(async () => {
    await server.close();
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function replay({ request, expect: expected }: Exchange): Promise<void> {
    const answer = await sendRaw(server.url, { ...request, body: Buffer.from(request.body_b64, 'base64') });
    holds(answer, expected);
  }

  test.each(exchanges('http-exchanges.jsonl').filter(({ group }) => group === 'stateless'))('$id $client', replay);

  test('model control, in the recorded order', async () => {
    for (const exchange of exchanges('http-exchanges.jsonl'))
      if (exchange.group === 'model_control') await replay(exchange);
    await headrace.models.load('simple');
  });

  test.each(exchanges('robustness.jsonl'))('$id $what', replay);

  test('every verb on every path gets an answer of the protocol, with a text where it is an error', async () => {
    const paths = [
      '',
      '/',
      '/health/live',
      '/health/ready',
      '/health/x',
      '/models',
      '/models/',
      '/models/simple',
      '/models/simple/',
      '/models/simple/ready',
      '/models/simple/versions',
      '/models/simple/versions/1',
      '/models/simple/versions/1/infer',
      '/models/simple/infer',
      '/models/simple/config',
      '/models/simple/stats',
      '/models/stats',
      '/repository/index',
      '/repository/models/simple/load',
      '/repository/models/%00/unload',
      '/models/..%2f..%2fetc/infer',
    ];
    for (const path of paths)
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE']) {
        if (path.endsWith('/load') && method === 'POST') continue;
        const answer = await sendRaw(server.url, { method, path: `/v2${path}`, headers: {}, body: Buffer.alloc(0) });
        expect(answer.status, `${method} ${path}`).toBeGreaterThanOrEqual(200);
        expect(answer.status, `${method} ${path}`).not.toBe(500);
        if (answer.status >= 400 && method !== 'HEAD')
          expect(JSON.parse(answer.body.toString()), `${method} ${path}`).toMatchObject({
            error: expect.stringMatching(/./),
          });
      }
  });
});

function holds({ status, headers, body }: RawAnswer, expected: Expected): void {
  if (expected.status !== undefined) expect(status, body.toString().slice(0, 300)).toBe(expected.status);
  if (expected.status_any !== undefined) expect(expected.status_any).toContain(status);
  if (expected.content_encoding !== undefined)
    expect(headers['content-encoding'] ?? null).toBe(expected.content_encoding);
  for (const [name, value] of Object.entries(expected.response_headers ?? {})) expect(headers[name]).toBe(value);
  const coding = headers['content-encoding'];
  const plain = coding === 'gzip' ? gunzipSync(body) : coding === 'deflate' ? inflateSync(body) : body;
  const header = headers['inference-header-content-length'];
  if (expected.inference_header !== undefined) expect(header !== undefined).toBe(expected.inference_header);
  const end = header === undefined ? plain.length : Number(header);
  const text = plain.toString('utf8', 0, end);
  if (expected.error_contains !== undefined || expected.error_nonempty === true)
    expect(JSON.parse(text).error).toContain(expected.error_contains ?? '');
  if (status >= 400) expect(JSON.parse(text).error).toMatch(/./);
  if (expected.json !== undefined) expect(JSON.parse(text)).toEqual(expected.json);
  if (expected.json_subset !== undefined) expect(JSON.parse(text)).toMatchObject(expected.json_subset);
  if (expected.json_is_array_with !== undefined)
    expect(JSON.parse(text)).toEqual(expect.arrayContaining([expect.objectContaining(expected.json_is_array_with)]));
  if (expected.id !== undefined) expect(JSON.parse(text).id).toBe(expected.id);
  for (const [pointer, value] of Object.entries(expected.json_at ?? {}))
    expect(at(JSON.parse(text), pointer)).toEqual(value);
  if (expected.outputs !== undefined)
    expect(outputsOf(JSON.parse(text), plain.subarray(end))).toEqual(expected.outputs);
}

function at(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce((one, key) => Object(one)[key], value);
}

function outputsOf(
  json: { readonly outputs: readonly Readonly<Record<string, unknown>>[] },
  tail: Buffer,
): readonly object[] {
  let from = 0;
  return json.outputs.map(({ name, datatype, shape, data, parameters }) => {
    const size = Object(parameters)['binary_data_size'];
    if (size === undefined) return { name, datatype, shape, encoding: 'json', data };
    const bytes = tail.subarray(from, from + size);
    from += size;
    return { name, datatype, shape, encoding: 'binary', data: elements(String(datatype), bytes) };
  });
}

function elements(datatype: string, bytes: Buffer): readonly unknown[] {
  if (datatype === 'INT32') return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(i * 4));
  const texts: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const length = bytes.readUInt32LE(i);
    texts.push(bytes.toString('latin1', i + 4, i + 4 + length));
    i += 4 + length;
  }
  return texts;
}
