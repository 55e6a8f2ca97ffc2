import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { defineProject, functionModel, oipUpstream, openAiUpstream, openHeadrace, startServer } from 'headrace';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'headrace-upstream-'));
const closing: (() => Promise<unknown>)[] = [];
const seen: { readonly body: Record<string, unknown>; readonly key: string | undefined }[] = [];
let chat: Server;
let url = '';

const spec = {
  inputs: [{ name: 'x', type: 'INT64', shape: [-1, 2] }],
  outputs: [{ name: 'y', type: 'INT64', shape: [-1, 2] }],
} as const;

const listen = { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 };

/** A server with functions as its models. */
async function serverOf(name: string, functions: readonly Parameters<typeof functionModel>[0][] | readonly never[]) {
  const directory = join(root, name);
  const models = { functions: [...functions] };
  const headrace = await openHeadrace({ project: defineProject(name, {}), environment: { directory, models } });
  const server = await startServer(headrace, listen);
  closing.push(async () => {
    await server.close();
    await headrace.close();
  });
  return server.url;
}

beforeAll(async () => {
  const doubled = functionModel({
    name: 'doubled',
    ...spec,
    run: ({ x }) => ({ y: { shape: x.shape, data: x.data.map((value) => 2n * value) } }),
  });
  const there = await serverOf('there', [doubled]);
  chat = createServer((request, response) => {
    void text(request).then((sent) => {
      const body = JSON.parse(sent);
      seen.push({ body, key: request.headers.authorization });
      if (body.messages[0].content === 'busy') return response.writeHead(429).end('too many requests');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const content of ['good', ' day', ''])
        response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`);
      return response.end('data: [DONE]\n\n');
    });
  });
  chat.listen(0, '127.0.0.1');
  await once(chat, 'listening');
  const chatUrl = `http://127.0.0.1:${(chat.address() as AddressInfo).port}`;
  process.env['UPSTREAM_TEST_KEY'] = 'secret';
  url = await serverOf('here', [
    oipUpstream({ name: 'remote', model: 'doubled', url: there, ...spec }),
    oipUpstream({ name: 'absent', model: 'nobody', url: there, ...spec }),
    oipUpstream({ name: 'away', url: 'http://127.0.0.1:1', ...spec }),
    openAiUpstream({
      name: 'chat',
      model: 'small-chat',
      url: chatUrl,
      key: { env: 'UPSTREAM_TEST_KEY' },
      parameters: { max_tokens: 5 },
    }),
  ] as never);
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  chat.close();
  rmSync(root, { recursive: true, force: true });
});

async function post(path: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${url}/v2/models/${path}`, { method: 'POST', body });
  return { status: answer.status, text: await answer.text() };
}

test('a model of another server answers here, with every digit, also many requests at once', async () => {
  const infer = (value: string) =>
    post('remote/infer', `{"inputs":[{"name":"x","datatype":"INT64","shape":[1,2],"data":[${value},-3]}]}`);
  const { text: answer } = await infer('4503599627370497001');
  expect(answer).toContain('"data":[9007199254740994002,-6]');
  const many = await Promise.all(Array.from({ length: 40 }, (_, i) => infer(String(i))));
  many.forEach(({ status, text: one }, i) => {
    expect(status).toBe(200);
    expect(one).toContain(`"data":[${2 * i},-6]`);
  });
});

test('an upstream that refuses or is away is a coded error of the model', async () => {
  const body = '{"inputs":[{"name":"x","datatype":"INT64","shape":[1,2],"data":[1,2]}]}';
  const [absent, away] = [await post('absent/infer', body), await post('away/infer', body)];
  expect([absent.status, JSON.parse(absent.text).code]).toEqual([500, 'MODEL_RUN']);
  expect(JSON.parse(absent.text).error).toContain('answered 404');
  expect([away.status, JSON.parse(away.text).code]).toEqual([500, 'MODEL_RUN']);
});

test('a chat model answers in the pieces that arrive, with the key of this process', async () => {
  const { text: events } = await post('chat/generate_stream', '{"text_input":"hello"}');
  const pieces = events
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.slice('data: '.length)).text_output);
  expect(pieces).toEqual(['good', ' day']);
  expect(seen.at(-1)).toEqual({
    key: 'Bearer secret',
    body: { max_tokens: 5, model: 'small-chat', messages: [{ role: 'user', content: 'hello' }], stream: true },
  });
  expect((await post('chat/generate_stream', '{"text_input":"busy"}')).status).toBe(503);
});
