import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { inferPath } from '../../src/server/lean/infer-path.ts';
import { parseHead } from '../../src/server/lean/request-head.ts';
import { type Asked, Line } from './kept-line.ts';
import { addSubFile, identityFile } from './onnx-files.ts';

/** Requests to each server; a longer run elsewhere sets more. */
const REQUESTS = Number(process.env['HEADRACE_FUZZ'] ?? 400);
const SEED = Number(process.env['HEADRACE_SEED'] ?? 1);
const AT_ONCE = 8;

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

const anything: fc.Arbitrary<Asked> = fc.record({
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

/** Requests that a model answers, as JSON and in bytes. */
const right: fc.Arbitrary<Asked> = fc.record({
  path: fc.constantFrom('/v2/models/add-sub/infer', '/v2/models/add-sub/versions/1/infer'),
  fields: fc.constant([
    'content-type: application/octet-stream',
    `inference-header-content-length: ${binary.length - 128}`,
  ]),
  body: fc.uint8Array({ minLength: 128, maxLength: 128 }).map((bytes) => {
    return Buffer.concat([binary.subarray(0, -128), bytes]);
  }),
});
const inJson: fc.Arbitrary<Asked> = fc
  .array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 32, maxLength: 32 })
  .map((values) => {
    const tensor = (name: string, data: readonly number[]) => ({ name, datatype: 'INT32', shape: [1, 16], data });
    const inputs = [tensor('INPUT0', values.slice(0, 16)), tensor('INPUT1', values.slice(16))];
    return { path: '/v2/models/add-sub/infer', fields: [], body: Buffer.from(JSON.stringify({ inputs })) };
  });
const asked = fc.oneof(
  { weight: 6, arbitrary: anything },
  { weight: 1, arbitrary: right },
  { weight: 1, arbitrary: inJson },
);

/** Compares both readers over two kept connections. fast-check asks one request after the other, and shrinks what differs. */
async function compare(port: number, seed: number, numRuns: number, statuses: Map<string, number>): Promise<void> {
  const [lean, full] = [new Line(port), new Line(port)];
  const property = fc.asyncProperty(asked, async (request) => {
    const answer = await lean.ask(request, true);
    expect(answer).toBe(await full.ask(request, false));
    const [status = ''] = answer.split('\n');
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  await fc.assert(property, { numRuns, seed }).finally(() => {
    lean.close();
    full.close();
  });
}

describe.each([0, 1])('a server of one thread or two: %i', (which) => {
  test('the lean reader answers a request that runs a model as the full server does', async () => {
    const port = Number(new URL(servers[which].url).port);
    const statuses = new Map<string, number>();
    const runs = Math.ceil(REQUESTS / AT_ONCE);
    const seedOf = (i: number) => SEED * 7_919 + i * 2 + which;
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => compare(port, seedOf(i), runs, statuses)));
    expect([...statuses.keys()]).toEqual(expect.arrayContaining(['200', '400', '404']));
    if (process.env['HEADRACE_FUZZ'] !== undefined) console.warn(Object.fromEntries(statuses));
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
