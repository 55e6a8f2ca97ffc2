import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { inferPath } from '../../src/server/lean/infer-path.ts';
import { parseHead } from '../../src/server/lean/request-head.ts';
import { addSubFile, identityFile } from './onnx-files.ts';

/** Requests of the comparison; a longer run elsewhere sets more. */
const RUNS = Number(process.env['HEADRACE_FUZZ'] ?? 80);

const directory = mkdtempSync(join(tmpdir(), 'headrace-oip-lean-'));
let headrace: Headrace;
const servers: RunningServer[] = [];

beforeAll(async () => {
  for (const [name, file] of [
    ['add-sub', addSubFile()],
    ['texts.1', identityFile('BYTES')],
  ] as const) {
    mkdirSync(join(directory, 'models', name, '1'), { recursive: true });
    writeFileSync(join(directory, 'models', name, '1', 'model.onnx'), file);
  }
  headrace = await openHeadrace({
    project: defineProject('lean', {}),
    environment: { directory, partitions: 1, models: { repository: join(directory, 'models') } },
  });
  for (const sharesPort of [false, true])
    servers.push(await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 100_000, sharesPort }));
});

afterAll(async () => {
  for (const server of servers) await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Asked {
  readonly path: string;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** The whole answer to a request; `isLean` sends it as the lean reader takes it, else in chunks, which only the full server reads. */
function ask(url: string, { path, fields, body }: Asked, isLean: boolean): Promise<string> {
  const length = isLean ? `content-length: ${body.length}` : 'transfer-encoding: chunked';
  const head = [`POST ${path} HTTP/1.1`, 'host: localhost', length, ...fields, 'connection: close'];
  // A lean head keeps the connection alive: the end of the client's side ends it.
  const text = `${(isLean ? head.slice(0, -1) : head).join('\r\n')}\r\n\r\n`;
  const sent = isLean
    ? body
    : Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const parts: Buffer[] = [];
    const whole = () => answerOf(Buffer.concat(parts));
    socket.on('data', (bytes) => {
      parts.push(bytes);
      const answer = whole();
      if (answer === null) return;
      socket.destroy();
      resolve(answer);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(whole() ?? `cut off: ${Buffer.concat(parts).toString('latin1')}`));
    socket.write(Buffer.concat([Buffer.from(text, 'latin1'), sent]));
  });
}

/** Status, the fields that matter, and the body, once the answer is whole; else null. */
function answerOf(bytes: Buffer): string | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [line = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const fields = new Map(
    lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]),
  );
  const length = Number(fields.get('content-length'));
  const body = bytes.subarray(end + 4);
  if (body.length < length) return null;
  const kept = ['inference-header-content-length', 'retry-after'].map((name) => `${name}=${fields.get(name) ?? ''}`);
  const type = fields.get('content-type')?.replace('; charset=utf-8', '');
  return [line.split(' ')[1], type, ...kept, body.toString('latin1')].join('\n');
}

const numbers = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 15, maxLength: 17 });
const json = fc
  .record({
    id: fc.option(fc.string({ maxLength: 4 }), { nil: undefined }),
    parameters: fc.option(fc.constantFrom({ binary_data_output: true }, { timeout: 'x' }, { triton_x: 1 }, {}), {
      nil: undefined,
    }),
    inputs: fc.array(
      fc.record({
        name: fc.constantFrom('INPUT0', 'INPUT1', 'IN'),
        datatype: fc.constantFrom('INT32', 'INT32', 'INT32', 'FP32', 'BYTES', 'X'),
        shape: fc.constantFrom([1, 16], [1, 16], [16], [-1, 16], [1e300, 16]),
        data: fc.oneof(numbers, fc.constant([['a', 'ü']]), fc.constant('x')),
      }),
      { maxLength: 2 },
    ),
    outputs: fc.option(
      fc.constantFrom([{ name: 'OUTPUT0' }], [{ name: 'OUTPUT1', parameters: { binary_data: true } }], [{ name: 'X' }]),
      { nil: undefined },
    ),
  })
  .map((value) => Buffer.from(JSON.stringify(value)));
const good = (name: string) => ({ name, datatype: 'INT32', shape: [1, 16], parameters: { binary_data_size: 64 } });
const binary = Buffer.concat([
  Buffer.from(JSON.stringify({ inputs: [good('INPUT0'), good('INPUT1')] })),
  Buffer.alloc(128, 1),
]);

const asked = fc.record({
  path: fc.constantFrom(
    '/v2/models/add-sub/infer',
    '/v2/models/add-sub/versions/1/infer',
    '/v2/models/add-sub/versions/latest/infer',
    '/v2/models/add-sub/versions/@x/infer',
    '/v2/models/nobody/infer',
    '/v2/models/texts.1/infer',
    '/v2/models/../infer',
  ),
  fields: fc.uniqueArray(
    fc.constantFrom(
      'content-type: application/json',
      'content-type: application/octet-stream',
      `inference-header-content-length: ${binary.length - 128}`,
      'inference-header-content-length: 0',
      'inference-header-content-length: 99999',
      'inference-header-content-length: -1',
      'inference-header-content-length: 5x',
      'accept: */*',
      'accept: text/html',
      'accept-encoding: identity',
      'accept-encoding: br',
      'headrace-timeout-ms: 60000',
      'headrace-timeout-ms: x',
      'x-other: 1',
    ),
    { selector: (field) => field.slice(0, field.indexOf(':')), maxLength: 4 },
  ),
  body: fc.oneof(
    json,
    fc.constant(binary),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  ),
});

describe.each([0, 1])('a server of one thread or two: %i', (i) => {
  test('the lean reader answers a request that runs a model as the full server does', async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (request) => {
        expect(await ask(servers[i].url, request, true)).toBe(await ask(servers[i].url, request, false));
      }),
      { numRuns: RUNS },
    );
  });
});

test("a head that runs a model is read as bytes; codings and other types are the full server's", () => {
  const head = (...fields: string[]) =>
    parseHead(
      `${['POST /v2/models/a-b.c/versions/@x/infer HTTP/1.1', 'host: a', 'content-length: 5', ...fields].join('\r\n')}\r\n\r\n`,
    );
  expect(head('inference-header-content-length: 3')).toMatchObject({
    takesBytes: true,
    headerLength: '3',
    bodyBytes: 5,
  });
  for (const field of [
    'accept-encoding: gzip',
    'content-encoding: gzip',
    'content-type: text/plain',
    'transfer-encoding: chunked',
    'content-length: 5',
  ])
    expect(head(field)).toBeNull();
  expect(inferPath('/v2/models/a-b.c/versions/@x/infer')).toEqual({ model: 'a-b.c', version: '@x' });
  for (const path of [
    '/v2/models//infer',
    '/v2/models/a/b/infer',
    '/v2/models/a/infer/',
    '/v2/models/a%20/infer',
    '/v2/models/a/infer?x',
  ])
    expect(inferPath(path)).toBeNull();
  expect(
    parseHead('POST /v1/a-b HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-type: application/json\r\n\r\n'),
  ).toBeNull();
});
