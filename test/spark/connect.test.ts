import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../../scripts/services/certificates.ts';
import { ConnectRunner } from '../../src/backends/spark/connect/connect-runner.ts';
import type { ConnectOptions } from '../../src/backends/spark/connect/link.ts';
import { decode, encode, type Fields, messagesIn, textIn } from '../../src/backends/spark/connect/protobuf.ts';
import { SESSION_SETTINGS } from '../../src/backends/spark/submit.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';

const TOKEN = 'let me in';

interface Answers {
  readonly version?: string;
  /** Settings that cannot be set, and as what they stand. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** What every command answers. */
  readonly command?: (request: Buffer) => Error | null;
}

/** Speaks as much of the protocol as a session begins with; gives the port, and the requests it got. */
async function speaking(
  { version = '4.3.0', fixed = {}, command }: Answers,
  credentials = ServerCredentials.createInsecure(),
) {
  const server = new Server();
  const requests: string[] = [];
  const call = (name: string, stream: boolean) => ({
    path: `/spark.connect.SparkConnectService/${name}`,
    requestStream: false,
    responseStream: stream,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  });
  const answering =
    (name: string, of: (request: Buffer) => Fields | Error) =>
    (
      { request, metadata }: { request: Buffer; metadata: Metadata },
      answer: (error: object | null, bytes?: Buffer) => void,
    ) => {
      requests.push(name);
      if (metadata.get('authorization')[0] !== `Bearer ${TOKEN}`)
        return answer({ code: status.UNAUTHENTICATED, details: 'Invalid authentication token' });
      const told = of(request);
      return told instanceof Error ? answer(told) : answer(null, encode(told));
    };
  const service = {
    analyze: call('AnalyzePlan', false),
    config: call('Config', false),
    release: call('ReleaseSession', false),
    execute: call('ExecutePlan', true),
  };
  server.addService(service, {
    analyze: answering('version', () => [
      [15, 'one'],
      [8, [[1, version]]],
    ]),
    config: answering('config', (request) => {
      const [operation] = messagesIn(decode(request), 3);
      const [set] = messagesIn(operation, 1);
      if (set === undefined)
        return [
          [4, 'one'],
          ...Object.entries(fixed).map(([name, value]): Fields[number] => [
            2,
            [
              [1, name],
              [2, value],
            ],
          ]),
        ];
      const [name] = messagesIn(set, 1).map((pair) => textIn(pair, 1));
      if (name === null || fixed[name] === undefined) return [[4, 'one']];
      const details = `[CANNOT_MODIFY_STATIC_CONFIG] Cannot modify the value of the static Spark config: "${name}". SQLSTATE: 46110`;
      return refusal(details);
    }),
    release: answering('release', () => []),
    execute: (stream: { request: Buffer; emit(event: 'error', error: Error): void; end(): void }) => {
      requests.push('command');
      const error = command?.(stream.request) ?? null;
      if (error === null) stream.end();
      else stream.emit('error', error);
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  onTestFinished(() => server.forceShutdown());
  return { port, requests };
}

/** As Spark refuses: with the id of an error, of which more is to be asked. */
function refusal(details: string): Error {
  const info: Fields = [
    [1, 'org.apache.spark.SparkException'],
    [
      3,
      [
        [1, 'errorId'],
        [2, 'e1'],
      ],
    ],
  ];
  const metadata = new Metadata();
  const bytes = encode([
    [
      3,
      [
        [1, 'type.googleapis.com/google.rpc.ErrorInfo'],
        [2, info],
      ],
    ],
  ]);
  metadata.set('grpc-status-details-bin', bytes);
  return Object.assign(new Error(details), { code: status.INTERNAL, details, metadata });
}

function options(port: number, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { address: `127.0.0.1:${port}`, token: TOKEN, tls: null, conf: {}, ...more };
}

async function started(own: ConnectOptions): Promise<ConnectRunner> {
  const runner = await ConnectRunner.start(own, () => undefined);
  onTestFinished(() => runner.close());
  return runner;
}

test('a session has every setting that answers depend on, those that stand as they should included', async () => {
  const { port, requests } = await speaking({ fixed: { 'spark.sql.ansi.enabled': 'true' } });
  await started(options(port, { conf: { 'spark.sql.ansi.enabled': 'false', 'spark.sql.shuffle.partitions': '2' } }));
  // The question how they stand, and one for each that stands otherwise.
  const asked = Object.keys(SESSION_SETTINGS).length + 1;
  expect(requests).toEqual([...Array(asked).fill('config'), 'version', 'release']);
});

test('a setting that cannot be changed and stands otherwise is an error, and the session is ended', async () => {
  const { port, requests } = await speaking({ fixed: { 'spark.sql.ansi.enabled': 'false' } });
  await expect(started(options(port))).rejects.toMatchObject({
    code: 'SPARK_SETTING',
    message: expect.stringMatching(/"spark\.sql\.ansi\.enabled" = "true": .*CANNOT_MODIFY_STATIC_CONFIG/),
  });
  expect(requests.at(-1)).toBe('release');
});

test('another version of Spark is reported', async () => {
  const { port } = await speaking({ version: '3.5.8' });
  await expect(started(options(port))).rejects.toMatchObject({
    code: 'SPARK_VERSION',
    message: expect.stringContaining('3.5.8'),
  });
});

test('a token that is not taken is reported without the token', async () => {
  const { port } = await speaking({});
  const refused = started(options(port, { token: 'wrong one' }));
  await expect(refused).rejects.toMatchObject({ code: 'SPARK_TOKEN' });
  await expect(refused).rejects.not.toThrow('wrong one');
});

test('a server that is not there, and one that speaks otherwise, do not answer', async () => {
  const silent = createServer((socket) => socket.end('no gRPC here'));
  const port = await new Promise<number>((resolve) =>
    silent.listen(0, '127.0.0.1', () => {
      const address = silent.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
  await expect(started(options(port))).rejects.toMatchObject({ code: 'SPARK_UNREACHABLE' });
  silent.close();
  await expect(started(options(port))).rejects.toMatchObject({
    code: 'SPARK_UNREACHABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a server that was started again during a job is reported as one that is gone', async () => {
  const details =
    '[INVALID_HANDLE.SESSION_CHANGED] The existing Spark server driver instance has restarted. SQLSTATE: HY000';
  const { port, requests } = await speaking({ command: () => refusal(details) });
  const runner = await started(options(port));
  const output = { name: 'one', steps: [], sql: 'SELECT 1 AS one', path: '/nowhere/output-0', sliced: false };
  await expect(runner.run({ tables: [], outputs: [output] })).rejects.toMatchObject({
    code: 'SPARK_UNREACHABLE',
    message: expect.stringContaining('SESSION_CHANGED'),
  });
  expect(requests.slice(-2)).toEqual(['command', 'release']);
});

test('a server behind TLS is reached by a client that knows its authority', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'connect-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await makeCertificates(folder);
  const file = (name: string) => readFileSync(join(folder, name));
  const pair = { cert_chain: file('server.crt'), private_key: file('server.key') };
  const { port } = await speaking({}, ServerCredentials.createSsl(file('ca.crt'), [pair], true));
  const client = { cert: file('client.crt').toString(), key: file('client.key').toString() };
  // A name, as TLS has none for an address.
  const address = `localhost:${port}`;
  await started(options(port, { address, tls: { ca: file('ca.crt').toString(), ...client } }));
  const named = { ca: file('ca.crt').toString(), ...client, servername: 'localhost' };
  await started(options(port, { address, tls: named }));
  for (const tls of [client, { ...named, servername: 'elsewhere' }, null])
    await expect(started(options(port, { address, tls }))).rejects.toMatchObject({ code: 'SPARK_UNREACHABLE' });
});

test('an environment names a server by an address, and its token by a variable; it goes to other machines over TLS only', () => {
  const refusal = (more: object) => {
    try {
      const engine = { kind: 'sparkConnect', ...more } as never;
      resolveEnvironment('production', { offline: { engine } }, 'shop');
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  };
  const token = { env: 'SPARK_TOKEN' };
  for (const url of ['sc://spark.internal', 'sc://spark.internal:15003', 'sc://[fd00::1]:15002', 'sc://10.0.0.7:1'])
    expect(refusal({ url }), url).toBeNull();
  for (const url of ['spark.internal:15002', 'sc://', 'sc://a:b:1', 'sc://a/;token=x', 'sc://me@a', 'sc://a:'])
    expect(refusal({ url }), url).toContain('write sc://host:port');
  expect(refusal({ url: 'sc://spark.internal', token })).toContain('write tls: {}');
  expect(refusal({ url: 'sc://spark.internal', token, tls: {} })).toBeNull();
  for (const url of ['sc://localhost', 'sc://127.0.0.1:15002', 'sc://[::1]'])
    expect(refusal({ url, token }), url).toBeNull();
  expect(refusal({ url: 'sc://127.0.0.1.evil.example', token })).toContain('write tls: {}');
  expect(refusal({ url: 'sc://a', token: 'secret' })).toContain('offline.engine.token');
  expect(refusal({ url: 'sc://a', home: '/opt/spark' })).toContain('home');
});
