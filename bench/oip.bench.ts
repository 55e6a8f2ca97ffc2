import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { runCommand } from '../scripts/run-command.ts';
import { defineProject } from '../src/features/define/declare.ts';
import { openHeadrace } from '../src/running/headrace.ts';
import { startGrpc } from '../src/server/grpc/grpc-server.ts';
import { loadProto } from '../src/server/grpc/proto.ts';
import { startServer } from '../src/server/http-server.ts';
import { printFigure } from './figure.ts';
import type { GrpcLoad } from './grpc-calls.ts';
import { median } from './measure.ts';
import { scratchDirectory } from './shop.ts';
import { type BytesBody, wrk } from './wrk.ts';

/**
 * Inference by the Open Inference Protocol: one row of 30 features through 100 trees, as JSON, binary and gRPC, 64 in
 * flight. Yardsticks: bare servers of node:http and grpc-js that read the same bytes and send as many as the answer back. Over
 * HTTP it counts answers in a time, over gRPC the CPU of the server for a number of calls.
 */
const WIDTH = 30;
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 4);
const ROUNDS = 4;
/** Calls of gRPC a round. */
const CALLS = 10_000;
const GRPC_PATH = '/inference.GRPCInferenceService/ModelInfer';
const trees = fileURLToPath(
  new URL('../../shared/data/serving/models/trained/breast_cancer_gbdt100.onnx', import.meta.url),
);
if (!existsSync(trees)) throw new Error(`${trees} is needed`);

const directory = scratchDirectory();
const folder = join(directory, 'models', 'trees', '1');
mkdirSync(folder, { recursive: true });
cpSync(trees, join(folder, 'model.onnx'));
const headrace = await openHeadrace({
  project: defineProject('oip', {}),
  environment: { directory, partitions: 1, models: { repository: join(directory, 'models') } },
});
const listen = { host: '127.0.0.1', port: 0 };
const server = await startServer(headrace, { ...listen, bodyLimit: 2 ** 20 });
const url = `${server.url}/v2/models/trees/infer`;

const row = Float32Array.from({ length: WIDTH }, (_, i) => i + 0.5);
const input = { name: 'input', datatype: 'FP32', shape: [1, WIDTH] };
const outputs = (binary: boolean) => [{ name: 'probabilities', parameters: { binary_data: binary } }];
const plain: BytesBody = {
  body: Buffer.from(JSON.stringify({ inputs: [{ ...input, data: [...row] }], outputs: outputs(false) })),
  fields: { 'content-type': 'application/json' },
};
const binary = binaryBody();

function binaryBody(): BytesBody {
  const tail = Buffer.from(row.buffer);
  const head = Buffer.from(
    JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: tail.length } }], outputs: outputs(true) }),
  );
  const fields = { 'inference-header-content-length': String(head.length) };
  return { body: Buffer.concat([head, tail]), fields };
}

async function answerBytes({ body, fields }: BytesBody): Promise<number> {
  const answer = await fetch(url, {
    method: 'POST',
    body: Buffer.from(body),
    headers: { ...fields, 'accept-encoding': 'identity' },
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.arrayBuffer()).byteLength;
}

/** A bare server that reads a body and sends this many bytes. */
async function echo(bytes: number) {
  const answer = Buffer.alloc(bytes, 32);
  const bare = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      Buffer.concat(parts);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(bare.address() as AddressInfo).port}/`, close: () => bare.close() };
}

for (const [name, body] of [
  ['JSON', plain],
  ['binary', binary],
] as const) {
  const bare = await echo(await answerBytes(body));
  const rates = { ours: [] as number[], bare: [] as number[] };
  let errors = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const ours = await wrk(url, SECONDS, body);
    const beside = await wrk(bare.url, SECONDS, body);
    errors += ours.errors + beside.errors;
    if (round === 0) continue;
    rates.ours.push(ours.requestsPerSecond);
    rates.bare.push(beside.requestsPerSecond);
  }
  bare.close();
  if (errors > 0) throw new Error(`${errors} answers were none`);
  printFigure({
    name: `inference of 100 trees over HTTP, ${name}, 64 in flight`,
    unit: 'requests/s',
    value: median(rates.ours),
    yardstick: 'bare node:http that reads and sends the same bytes',
    yardstickValue: median(rates.bare),
    aim: { of: 'ratio', atLeast: 0.5 },
  });
}

await benchGrpc();
await server.close();
await headrace.close();

/** Processor time of a call of ours and of the bare server: each takes the same calls in turns, by a client in another process. */
async function benchGrpc(): Promise<void> {
  const proto = await loadProto();
  const grpc = await startGrpc(headrace, listen);
  const message = proto.encode('ModelInferRequest', {
    modelName: 'trees',
    inputs: [{ name: 'input', datatype: 'FP32', shape: [1n, BigInt(WIDTH)] }],
    outputs: [{ name: 'probabilities' }],
    rawInputContents: [Buffer.from(row.buffer)],
  });
  const bare = await bareGrpc(await answerOf(grpc.address, message));
  const costs = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const own = await cpuOf(grpc.address, message);
    const other = await cpuOf(bare.address, message);
    if (round === 0) continue;
    costs.ours.push(own);
    costs.bare.push(other);
  }
  bare.server.forceShutdown();
  await grpc.close();
  printFigure({
    name: 'inference of 100 trees over gRPC, 64 in flight',
    unit: 'CPU µs a call',
    value: median(costs.ours),
    yardstick: 'bare grpc-js that sends the same bytes',
    yardstickValue: median(costs.bare),
    aim: { of: 'ratio', atMost: 2 },
  });
}

/** A bare server of grpc-js with one answer. */
async function bareGrpc(answer: Buffer): Promise<{ readonly server: Server; readonly address: string }> {
  const same = (bytes: Buffer) => bytes;
  const method = {
    path: GRPC_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  const server = new Server();
  server.addService(
    { ModelInfer: method },
    { ModelInfer: (_: unknown, done: (error: null, bytes: Buffer) => void) => done(null, answer) },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { server, address: `127.0.0.1:${port}` };
}

function answerOf(address: string, message: Buffer): Promise<Buffer> {
  const same = (bytes: Buffer) => bytes;
  const client = new Client(address, credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(GRPC_PATH, same, same, message, (error, got) => {
      // An open connection keeps the process.
      client.close();
      if (got === undefined) reject(error);
      else resolve(got);
    });
  });
}

/** Processor time of this process for a call, µs: as many calls on a busy machine as on a quiet one. */
async function cpuOf(address: string, message: Buffer): Promise<number> {
  const load: GrpcLoad = { address, path: GRPC_PATH, message: message.toString('base64'), calls: CALLS, atOnce: 64 };
  const before = process.cpuUsage();
  const args = [fileURLToPath(new URL('grpc-calls.ts', import.meta.url)), JSON.stringify(load)];
  const { code, output } = await runCommand('node', args, { limitMs: 300_000 });
  if (code !== 0) throw new Error(output);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}
