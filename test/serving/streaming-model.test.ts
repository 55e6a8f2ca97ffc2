import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { functionModel, streamingModel } from '../../src/features/define/function-model.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningGrpc, startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { loadProto, type PlainMessage, type Proto } from '../../src/server/grpc/proto.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { until } from '../until.ts';

const text = (value: string) => [Buffer.from(value)];
const waiting = { begun: 0, ended: 0 };

/** Says the words of a text one by one; fails at "fail", and waits for its caller's end at "wait". */
const words = streamingModel({
  name: 'words',
  inputs: [{ name: 'text_input', type: 'BYTES', shape: [1] }],
  outputs: [
    { name: 'text_output', type: 'BYTES', shape: [1] },
    { name: 'place', type: 'INT32', shape: [1] },
  ],
  stream: async function* ({ text_input: { data } }, { signal }) {
    for (const [i, word] of Buffer.from(data[0]).toString().split(' ').entries()) {
      if (word === 'fail') throw new Error('no such word');
      if (word === 'wait') {
        waiting.begun += 1;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        waiting.ended += 1;
        return;
      }
      yield { text_output: { shape: [1], data: text(word) }, place: { shape: [1], data: Int32Array.of(i) } };
    }
  },
});

const doubled = functionModel({
  name: 'doubled',
  inputs: [{ name: 'x', type: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'y', type: 'FP32', shape: [-1, 2] }],
  run: ({ x }) => ({ y: { shape: x.shape, data: Float32Array.from(x.data, (value) => 2 * value) } }),
});

const directory = mkdtempSync(join(tmpdir(), 'headrace-pieces-'));
let headrace: Headrace;
let server: RunningServer;
let grpc: RunningGrpc;
let client: Client;
let proto: Proto;

beforeAll(async () => {
  headrace = await openHeadrace({
    project: defineProject('pieces', {}),
    environment: { directory, partitions: 1, models: { functions: [words, doubled] } },
  });
  const listen = { host: '127.0.0.1', port: 0 };
  server = await startServer(headrace, { ...listen, bodyLimit: 2 ** 20 });
  grpc = await startGrpc(headrace, listen);
  client = new Client(grpc.address, credentials.createInsecure());
  proto = await loadProto();
});

afterAll(async () => {
  client.close();
  await grpc.close();
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const generate = (path: string, body: unknown, init: RequestInit = {}) =>
  fetch(`${server.url}/v2/models/${path}`, { method: 'POST', body: JSON.stringify(body), ...init });

async function eventsOf(answer: Response): Promise<readonly unknown[]> {
  const events = (await answer.text()).split('\n\n').filter((event) => event !== '');
  return events.map((event) => JSON.parse(event.replace(/^data: /, '')));
}

const piece = (word: string, place: number) => ({
  model_name: 'words',
  model_version: '1',
  text_output: word,
  place,
});

test('the pieces of a function arrive as server-sent events, in order', async () => {
  const answer = await generate('words/generate_stream', { text_input: 'one two three', id: '' });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  expect(await eventsOf(answer)).toEqual([piece('one', 0), piece('two', 1), piece('three', 2)]);
});

test('a model that runs at once is one event, and one answer of generate', async () => {
  const expected = { model_name: 'doubled', model_version: '1', y: [3, 8], id: 'a' };
  const body = { id: 'a', x: [1.5, 4] };
  expect(await eventsOf(await generate('doubled/generate_stream', body))).toEqual([expected]);
  expect(await (await generate('doubled/versions/1/generate', body)).json()).toEqual(expected);
  expect(await (await generate('words/generate', { text_input: 'one' })).json()).toEqual(piece('one', 0));
});

test('a fault before the first piece is a status, one after it the last event', async () => {
  const first = await generate('words/generate_stream', { text_input: 'fail' });
  expect([first.status, Object(await first.json()).code]).toEqual([500, 'MODEL_RUN']);
  const later = await eventsOf(await generate('words/generate_stream', { text_input: 'one fail' }));
  expect(later).toEqual([piece('one', 0), { error: expect.stringContaining('no such word') }]);
});

test.each([
  ['words/generate_stream', {}, 400, "unable to find 'text_input'"],
  ['words/generate_stream', { text_input: 7 }, 400, 'no text'],
  ['words/generate_stream', { text_input: ['a', 'b'] }, 400, '2 elements'],
  ['words/generate_stream', { text_input: 'a', parameters: { deep: {} } }, 400, "parameter 'deep'"],
  ['words/generate', { text_input: 'one two' }, 400, 'generate_stream'],
  ['nobody/generate_stream', { text_input: 'a' }, 404, 'unknown model'],
  ['words/infer', { inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1], data: ['a'] }] }, 501, 'decoupled'],
])('%s with %j is %i', async (path, body, status, says) => {
  const answer = await generate(path, body);
  expect([answer.status, Object(await answer.json()).error]).toEqual([status, expect.stringContaining(says)]);
});

test('a caller that leaves or whose time is over ends the function', async () => {
  const { begun: before } = waiting;
  const gone = new AbortController();
  const answer = await generate('words/generate_stream', { text_input: 'one wait' }, { signal: gone.signal });
  await answer.body?.getReader().read();
  await until(() => waiting.begun > before);
  gone.abort();
  await until(() => waiting.ended === before + 1);
  const headers = { 'headrace-timeout-ms': '1' };
  const late = await generate('words/generate_stream', { text_input: 'wait' }, { headers });
  expect(late.status).toBe(503);
  // It may have been too late before the function began.
  await until(() => waiting.ended === waiting.begun);
  const { failures } = headrace.models.findLoaded('words', '')?.statistics ?? { failures: {} };
  expect(failures).toMatchObject({ CANCELED: expect.any(Number), REJECTED: 1 });
});

test('over gRPC a stream gets the pieces of each request, and its final mark where it asks for one', async () => {
  const call = client.makeBidiStreamRequest(
    '/inference.GRPCInferenceService/ModelStreamInfer',
    (fields: object) => proto.encode('ModelInferRequest', fields),
    (bytes: Buffer) => proto.decode('ModelStreamInferResponse', bytes),
  );
  const answers: PlainMessage[] = [];
  call.on('data', (answer: PlainMessage) => answers.push(answer));
  const ask = (id: string, value: string, parameters: object = {}) =>
    call.write({
      modelName: 'words',
      id,
      inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: text(value) } }],
      parameters,
    });
  ask('plain', 'one two');
  ask('final', 'three', { triton_enable_empty_final_response: { choice: { case: 'boolParam', value: true } } });
  ask('wrong', 'four fail');
  call.end();
  await new Promise((resolve) => call.on('end', resolve));
  const of = (id: string) => answers.filter(({ inferResponse }) => Object(inferResponse).id === id);
  const wordOf = (answer: PlainMessage) => {
    const [raw] = Object(answer['inferResponse']).rawOutputContents;
    return raw === undefined ? null : Buffer.from(raw).subarray(4).toString();
  };
  const isFinal = (answer: PlainMessage) =>
    Object(answer['inferResponse']).parameters['triton_final_response']?.choice.value;
  expect(of('plain').map((answer) => [wordOf(answer), isFinal(answer)])).toEqual([
    ['one', false],
    ['two', false],
  ]);
  expect(of('final').map((answer) => [wordOf(answer), isFinal(answer)])).toEqual([
    ['three', false],
    [null, true],
  ]);
  expect(of('wrong').map(({ errorMessage }) => errorMessage)).toEqual(['', expect.stringContaining('no such word')]);
});

test('a model that answers in pieces says so in its configuration', async () => {
  const config = await (await fetch(`${server.url}/v2/models/words/config`)).json();
  expect(Object(config).model_transaction_policy).toEqual({ decoupled: true });
});
