import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOipClient } from '../../src/client/oip/index.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { functionModel } from '../../src/features/define/function-model.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';

const mixed = functionModel({
  name: 'mixed model',
  inputs: [
    { name: 'numbers', type: 'FP64', shape: [-1] },
    { name: 'wholes', type: 'INT64', shape: [-1] },
    { name: 'texts', type: 'BYTES', shape: [-1] },
  ],
  outputs: [
    { name: 'sums', type: 'FP64', shape: [-1] },
    { name: 'wholes', type: 'INT64', shape: [-1] },
    { name: 'texts', type: 'BYTES', shape: [-1] },
  ],
  run: ({ numbers, wholes, texts }) => ({
    sums: { shape: numbers.shape, data: Float64Array.from(numbers.data, (value) => value + 1) },
    wholes,
    texts,
  }),
});

const directory = mkdtempSync(join(tmpdir(), 'headrace-oip-client-'));
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({
    project: defineProject('client', {}),
    environment: { directory, partitions: 1, models: { functions: [mixed] } },
  });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const inputs = {
  numbers: { shape: [2], data: Float64Array.of(0.1, -3) },
  wholes: { shape: [2], data: BigInt64Array.of(2n ** 62n + 1n, -1n) },
  texts: { shape: [2], data: [Uint8Array.of(0, 255), new Uint8Array(0)] },
};

test('tensors of every kind come back exact, by the types of the model', async () => {
  const client = createOipClient({ url: `${server.url}/` });
  const { sums, wholes, texts } = await client.infer(mixed, inputs, { version: 'latest', timeoutMs: 60_000 });
  expect([...sums.data]).toEqual([1.1, -2]);
  expect([...wholes.data]).toEqual([2n ** 62n + 1n, -1n]);
  expect(texts.data.map((one) => [...one])).toEqual([[0, 255], []]);
});

test('an error has the code and the text of the server; a server that is away is CLIENT_UNREACHABLE', async () => {
  const client = createOipClient({ url: server.url });
  await expect(client.infer({ ...mixed, name: 'nobody' }, inputs)).rejects.toMatchObject({
    code: 'OIP_UNKNOWN',
    status: 404,
  });
  const wrong = { ...inputs, numbers: { shape: [3], data: Float64Array.of(1) } };
  await expect(client.infer(mixed, wrong)).rejects.toMatchObject({
    code: 'OIP_REQUEST',
    message: expect.stringContaining('numbers'),
  });
  await expect(createOipClient({ url: 'http://127.0.0.1:1' }).infer(mixed, inputs)).rejects.toMatchObject({
    code: 'CLIENT_UNREACHABLE',
  });
});

test('an answer that is not of the protocol is CLIENT_ANSWER, one that breaks off CLIENT_UNREACHABLE', async () => {
  const asked = (body: string | ReadableStream) =>
    createOipClient({ url: server.url, fetch: async () => new Response(body) }).infer(mixed, inputs);
  for (const body of [
    '<html>',
    '{}',
    '{"outputs":[{"name":"sums","datatype":"FP64","parameters":{"binary_data_size":5}}]}',
  ])
    await expect(asked(body)).rejects.toMatchObject({ code: 'CLIENT_ANSWER' });
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) });
  await expect(asked(broken)).rejects.toMatchObject({ code: 'CLIENT_UNREACHABLE' });
});
