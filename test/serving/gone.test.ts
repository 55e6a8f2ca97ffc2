import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as secureConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../scripts/services/certificates.ts';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { defineProject, float, model, pipeline } from '../../src/features/define/declare.ts';
import { registerUpstream } from '../../src/registry/register-upstream.ts';
import { VECTOR_BINARY_TYPE } from '../../src/schema/vector-format.ts';
import { type RunningServer, type ServerOptions, startReadServer, startServer } from '../../src/server/http-server.ts';
import type { PredictingProject } from '../../src/server/served-project.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { asked, came, service } from '../models/small-project.ts';
import { registerVersions } from '../rollouts/versions.ts';
import { until } from '../until.ts';
import { type GatedChat, openGatedChat } from './gated-chat.ts';
import { openWorkerSite, type WorkerSite } from './worker-site.ts';

/** Predictions whose clients leave, on every way that they are answered. */
const START = Date.UTC(2026, 0, 1);
const folder = mkdtempSync(join(tmpdir(), 'headrace-gone-'));
const tls = { certFile: join(folder, 'server.crt'), keyFile: join(folder, 'server.key') };
const PROMPT = 'A caller has the number {number}, category {category}. Answer with a probability alone.';

const sold = model('sold', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});
const offer = pipeline('offer', {
  service,
  models: { buys: sold },
  outputs: { worth: float() },
  run: ({ scores }) => ({ worth: scores.buys }),
});

let chat: GatedChat;
let site: WorkerSite;
/** Each prediction has its own. */
let newest = 0;
/** Numbers of the predictions that were answered. */
const answered: number[] = [];

beforeAll(async () => {
  await makeCertificates(folder);
  chat = await openGatedChat();
  const prepare = async (directory: string) => {
    await registerVersions(directory, 'sold', ['good']);
    const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
    const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
    const flavor = { upstream: 'talking', model: 'small-chat' };
    const version = { model: 'sold', features: null, at: START, flavor, prompt: PROMPT };
    await registerUpstream({ registry, artifacts }, version);
    await registry.close();
  };
  const models = {
    upstreams: { talking: { kind: 'openai', url: chat.url } },
    // Whether a call waits shows in that another is refused.
    queue: { rowsOfCaller: 1 },
  } as const;
  const project = defineProject('shop', { asked, came, sold, offer });
  site = await openWorkerSite(project, prepare, { count: 1, clock: () => START, models });
  await site.headrace.promote(site.headrace.model('sold'), 2);
});

afterAll(async () => {
  chat?.open();
  await site?.close();
  await chat?.close();
  rmSync(folder, { recursive: true, force: true });
});

function next() {
  newest += 1;
  const request = { name: 'a', number: newest, gaps: null, category: 1 };
  return { id: `p-${newest}`, request };
}

/** Whether one more call would be refused by the queue; it is of a caller that has left, and never waits. */
async function isFull(predicting: PredictingProject): Promise<boolean> {
  const asking = predicting.predictMany(predicting.model('sold'), [next()], { signal: AbortSignal.abort() });
  return asking.then(
    () => expect.unreachable(),
    ({ code }) => {
      expect(['MODEL_BUSY', 'MODEL_LEFT']).toContain(code);
      return code === 'MODEL_BUSY';
    },
  );
}

interface Server {
  readonly predicting: PredictingProject;
  readonly server: RunningServer;
  readonly isSecure: boolean;
}

async function dial({ server, isSecure }: Server): Promise<Socket> {
  const to = { port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true };
  const wire = connect(to);
  const socket = isSecure ? secureConnect({ ...to, socket: wire, ca: readFileSync(join(folder, 'ca.crt')) }) : wire;
  await once(socket, isSecure ? 'secureConnect' : 'connect');
  wire.setNoDelay(true);
  wires.set(socket, wire);
  // That of a server that writes to a client that has left.
  for (const one of [socket, wire]) one.on('error', () => undefined);
  return socket;
}

/** What a connection by TLS is over; of others the connection itself. */
const wires = new WeakMap<Socket, Socket>();

/** The status and the code of the answer, or null where there is none. */
async function answerOf(socket: Socket): Promise<readonly [string | undefined, string | undefined] | null> {
  let text = '';
  for await (const bytes of socket) {
    text += bytes;
    const found = /^HTTP\/1.1 (\d+).*"code":"(\w+)"/s.exec(text);
    if (found !== null) return [found[1], found[2]];
  }
  return null;
}

/** The bodies of calls, and who reads them. */
const shapes = [
  { shape: 'one by its key', path: 'sold', accept: 'application/json', body: () => next() },
  { shape: 'many', path: 'sold', accept: 'application/json', body: () => ({ requests: [next(), next(), next()] }) },
  { shape: 'one in bytes', path: 'sold', accept: VECTOR_BINARY_TYPE, body: () => next() },
  { shape: 'one of a pipeline', path: 'offer', accept: 'application/json', body: () => next() },
] as const;
const readers = ['the lean reader', 'the full server'] as const;
type Shape = (typeof shapes)[number];

function bytesOf({ path, accept, body }: Shape, reader: (typeof readers)[number], fields: readonly string[]): string {
  const sent = JSON.stringify(body());
  const isLean = reader === 'the lean reader';
  const length = isLean ? `content-length: ${sent.length}` : 'transfer-encoding: chunked';
  const head = [`POST /v1/predictions/${path} HTTP/1.1`, 'host: localhost', 'content-type: application/json'];
  const chunks = isLean ? sent : `${sent.length.toString(16)}\r\n${sent}\r\n0\r\n\r\n`;
  return `${[...head, `accept: ${accept}`, length, ...fields].join('\r\n')}\r\n\r\n${chunks}`;
}

/** How a client leaves. */
const leaves: Readonly<Record<string, (socket: Socket) => unknown>> = {
  'closes its connection': (socket) => socket.destroy(),
  'resets its connection': (socket) => wires.get(socket)?.resetAndDestroy(),
  'ends its side': (socket) => socket.end(),
};

/** Makes a prediction of the project itself, which ends when the gate is open. */
async function predict(predicting: PredictingProject): Promise<void> {
  const one = next();
  await predicting.predictMany(predicting.model('sold'), [one]);
  answered.push(one.request.number);
}

/** Does something while one prediction runs, and lets it and a later one be answered. */
async function whileOneRuns({ predicting }: Server, then: () => Promise<void>): Promise<void> {
  chat.shut();
  const running = predict(predicting);
  try {
    await until(() => chat.held() === 1);
    await then();
    expect(chat.held()).toBe(1);
  } finally {
    chat.open();
    await running;
  }
  await predict(predicting);
}

const ways: readonly (readonly [string, 'writer' | 'worker', Partial<ServerOptions>])[] = [
  ['a thread that has the connections', 'writer', {}],
  ['a thread that has the connections, by TLS', 'writer', { tls }],
  ['the thread of the project', 'writer', { sharesPort: true }],
  ['the thread of the project, by TLS', 'writer', { tls, sharesPort: true }],
  ['another process of the group', 'worker', { sharesPort: true }],
];

describe.each(ways)('read by %s', (_, who, options) => {
  let way: Server;

  beforeAll(async () => {
    const { headrace, workers } = site;
    const all = { host: '127.0.0.1', port: 0, bodyLimit: 100_000, ...options };
    const [{ served }] = workers;
    const server = who === 'writer' ? await startServer(headrace, all) : await startReadServer(served, all);
    const predicting = who === 'writer' ? headrace : served.predicting;
    if (predicting === null) expect.unreachable();
    way = { server, predicting, isSecure: options.tls !== undefined };
  });

  afterAll(() => way.server.close());

  describe.each(readers)('%s', (reader) => {
    test.each(shapes)('$shape: a client that leaves while it waits leaves the queue', async (shape) => {
      for (const leave of Object.values(leaves))
        await whileOneRuns(way, async () => {
          const socket = await dial(way);
          socket.write(bytesOf(shape, reader, []));
          await until(() => isFull(way.predicting));
          leave(socket);
          await until(async () => !(await isFull(way.predicting)));
          socket.destroy();
        });
    });

    test.each(shapes)(
      '$shape: a deadline is kept while another runs, and its place is free with the answer',
      async (shape) => {
        await whileOneRuns(way, async () => {
          const socket = await dial(way);
          socket.write(bytesOf(shape, reader, ['headrace-timeout-ms: 20']));
          expect(await answerOf(socket)).toEqual(['504', 'MODEL_DEADLINE']);
          socket.destroy();
          // Its place was free before the answer was sent.
          expect(await isFull(way.predicting)).toBe(false);
        });
      },
    );

    test.each(shapes)('$shape: a client that leaves during its run has no prediction in the log', async (shape) => {
      chat.shut();
      const socket = await dial(way);
      socket.write(bytesOf(shape, reader, []));
      await until(() => chat.held() >= 1);
      chat.asked.length -= chat.held();
      socket.end();
      expect(await answerOf(socket)).toEqual(['503', 'MODEL_LEFT']);
      socket.destroy();
      chat.open();
      await predict(way.predicting);
    });
  });

  test('no run was for a client that left, and the log has what was answered alone', async () => {
    expect(chat.asked).toEqual(answered);
    await site.headrace.flush();
    const { history } = site.headrace;
    const table = history.relation(predictionTable(site.headrace.model('sold')));
    const logged: string[] = [];
    for await (const rows of history.query(`SELECT id FROM ${table}`)) for (const [id] of rows) logged.push(String(id));
    expect(logged).toHaveLength(answered.length);
    expect(new Set(logged)).toEqual(new Set(answered.map((number) => `p-${number}`)));
  });
});
