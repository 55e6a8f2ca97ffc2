import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningGrpc, startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { loadProto, type PlainMessage, type Proto } from '../../src/server/grpc/proto.ts';
import { servingData, skipNote } from './serving-data.ts';
import { tritonModels } from './triton-models.ts';

interface Recorded {
  readonly id: string;
  readonly rpc: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly request: Readonly<Record<string, unknown>>;
  readonly expect: {
    readonly code: string;
    readonly id?: string;
    readonly model_name?: string;
    readonly response?: object;
    readonly outputs?: readonly {
      readonly name: string;
      readonly datatype: string;
      readonly shape: readonly string[];
      readonly raw_b64: string;
    }[];
  };
}

const isThere = existsSync(servingData);

function recorded(): readonly Recorded[] {
  if (!isThere) return [];
  const lines = readFileSync(new URL('oip/grpc-requests.jsonl', servingData), 'utf8').trimEnd().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** The fields of a request as the library takes them: bytes and 64-bit integers are texts in the recording. */
function fieldsOf(request: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const inputs = (request['inputs'] ?? []) as readonly Readonly<Record<string, unknown>>[];
  return {
    modelName: request['model_name'],
    modelVersion: request['model_version'],
    id: request['id'],
    outputs: request['outputs'],
    rawInputContents: ((request['raw_input_contents'] ?? []) as readonly string[]).map((text) =>
      Buffer.from(text, 'base64'),
    ),
    inputs: inputs.map(({ shape, contents, ...rest }) => ({
      ...rest,
      shape: (shape as readonly string[]).map(BigInt),
      ...(contents === undefined ? {} : { contents: { intContents: Object(contents)['int_contents'] } }),
    })),
  };
}

describe.skipIf(!isThere)(`the protocol over gRPC (${skipNote})`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-grpc-'));
  let headrace: Headrace;
  let server: RunningGrpc;
  let client: Client;
  let proto: Proto;

  beforeAll(async () => {
    headrace = await openHeadrace({
      project: defineProject('grpc', {}),
      environment: { directory, partitions: 1, models: { repository: tritonModels(directory) } },
    });
    server = await startGrpc(headrace, { host: '127.0.0.1', port: 0 });
    client = new Client(server.address, credentials.createInsecure());
    proto = await loadProto();
  });

  afterAll(async () => {
    client.close();
    await server.close();
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function ask(rpc: string, request: object, metadata = new Metadata(), by = client): Promise<PlainMessage> {
    return new Promise((resolve, reject) => {
      by.makeUnaryRequest(
        `/inference.GRPCInferenceService/${rpc}`,
        (fields: object) => proto.encode(`${rpc}Request`, fields),
        (bytes: Buffer) => proto.decode(`${rpc}Response`, bytes),
        request,
        metadata,
        (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error)),
      );
    });
  }

  test.each(recorded())('$id $rpc', async ({ rpc, request, metadata, expect: expected }) => {
    const sent = new Metadata();
    for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
    const answer = await ask(rpc, rpc === 'ModelInfer' ? fieldsOf(request) : request, sent);
    if (expected.response !== undefined) expect(answer).toMatchObject(expected.response);
    if (expected.outputs === undefined) return;
    const raw = answer['rawOutputContents'] as readonly Uint8Array[];
    const outputs = answer['outputs'] as readonly PlainMessage[];
    expect(answer['modelName']).toBe(expected.model_name);
    expect(answer['id']).toBe(expected.id);
    expect(
      outputs.map(({ name, datatype, shape }, i) => ({
        name,
        datatype,
        shape: (shape as readonly bigint[]).map(String),
        raw_b64: Buffer.from(raw[i] ?? []).toString('base64'),
      })),
    ).toEqual(expected.outputs);
  });

  test('errors have the texts and codes that clients look for', async () => {
    const input = (name: string, more: object) => ({ name, datatype: 'INT32', shape: [1n, 16n], ...more });
    const contents = { intContents: Array.from({ length: 16 }, () => 1) };
    const raw = [Buffer.alloc(64), Buffer.alloc(64)];
    const wrong: readonly (readonly [object, number, string])[] = [
      [{ modelName: 'nobody' }, status.NOT_FOUND, "Request for unknown model: 'nobody' is not found"],
      [{ modelName: 'simple', modelVersion: 'x' }, status.INVALID_ARGUMENT, "specified version string 'x'"],
      [
        { modelName: 'simple', inputs: [input('INPUT0', { contents }), input('INPUT1', {})], rawInputContents: raw },
        status.INVALID_ARGUMENT,
        "contents field must not be specified when using raw_input_contents for 'INPUT0' for model 'simple'",
      ],
      [
        { modelName: 'simple', inputs: [input('INPUT0', {}), input('INPUT1', {})] },
        status.INVALID_ARGUMENT,
        "unable to find data for input tensor 'INPUT0' for model 'simple' in request.",
      ],
      [
        { modelName: 'simple', inputs: [input('INPUT0', { shape: [-1n, 16n], contents })] },
        status.INVALID_ARGUMENT,
        'must be integer >= 0',
      ],
    ];
    for (const [fields, code, details] of wrong)
      await expect(ask('ModelInfer', fields)).rejects.toMatchObject({
        code,
        details: expect.stringContaining(details),
      });
  });

  test('a model is unloaded, refused, loaded and listed; metadata, configuration and statistics are those of HTTP', async () => {
    await ask('RepositoryModelUnload', { modelName: 'simple_int8' });
    expect(await ask('ModelReady', { name: 'simple_int8' })).toMatchObject({ ready: false });
    await ask('RepositoryModelLoad', { modelName: 'simple_int8' });
    expect(await ask('ModelReady', { name: 'simple_int8' })).toMatchObject({ ready: true });
    const { models } = await ask('RepositoryIndex', {});
    expect(models).toContainEqual(expect.objectContaining({ name: 'simple_int8', version: '1', state: 'READY' }));
    await expect(ask('RepositoryModelLoad', { modelName: 'nobody' })).rejects.toMatchObject({
      details: expect.stringContaining('failed to load'),
    });
    expect(await ask('ModelMetadata', { name: 'simple' })).toMatchObject({
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'INPUT0', datatype: 'INT32', shape: [-1n, 16n] }, { name: 'INPUT1' }],
    });
    expect(await ask('ModelConfig', { name: 'simple' })).toMatchObject({ config: { name: 'simple', maxBatchSize: 8 } });
    expect(await ask('ModelStatistics', { name: 'simple' })).toMatchObject({ modelStats: [{ name: 'simple' }] });
    expect(await ask('ServerReady', {})).toMatchObject({ ready: true });
  });

  test('a stream answers each request, also one that fails, and keeps a sequence in order', async () => {
    const call = client.makeBidiStreamRequest(
      '/inference.GRPCInferenceService/ModelStreamInfer',
      (fields: object) => proto.encode('ModelInferRequest', fields),
      (bytes: Buffer) => proto.decode('ModelStreamInferResponse', bytes),
    );
    const answers: PlainMessage[] = [];
    call.on('data', (answer: PlainMessage) => answers.push(answer));
    const values = [5, 5, -7];
    values.forEach((value, i) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      call.write({
        modelName: 'simple_sequence',
        id: `s${i}`,
        inputs: [{ name: 'INPUT', datatype: 'INT32', shape: [1n, 1n] }],
        rawInputContents: [bytes],
        parameters: {
          sequence_id: { choice: { case: 'int64Param', value: 1001n } },
          sequence_start: { choice: { case: 'boolParam', value: i === 0 } },
          sequence_end: { choice: { case: 'boolParam', value: i === 2 } },
        },
      });
    });
    call.write({ modelName: 'nobody', id: 'wrong' });
    call.end();
    await new Promise((resolve) => call.on('end', resolve));
    const of = (id: string) => answers.find(({ inferResponse }) => Object(inferResponse).id === id);
    const results = values.map((_, i) =>
      Buffer.from(Object(of(`s${i}`)?.['inferResponse']).rawOutputContents[0]).readInt32LE(),
    );
    expect(results).toEqual([6, 5, -7]);
    expect(of('wrong')?.['errorMessage']).toContain('unknown model');
    expect(answers).toHaveLength(4);
  });

  test('beyond this machine a key is needed, with its scope', async () => {
    const beyond = await startGrpc(headrace, { host: '0.0.0.0', port: 0, tlsAtProxy: true }).catch((error) => error);
    expect(beyond).toMatchObject({ code: 'AUTH_NO_KEYS' });
    const { text } = createKey(directory, { name: 'reader', scopes: ['read'], now: 0 });
    const keyed = await startGrpc(headrace, { host: '0.0.0.0', port: 0, tlsAtProxy: true });
    const other = new Client(keyed.address.replace('0.0.0.0', '127.0.0.1'), credentials.createInsecure());
    const failed = (error: ServiceError) => error.code;
    const key = new Metadata();
    key.set('authorization', `Bearer ${text}`);
    expect(await ask('ServerLive', {}, new Metadata(), other)).toMatchObject({ live: true });
    expect(await ask('ModelReady', { name: 'simple' }, new Metadata(), other).catch(failed)).toBe(
      status.UNAUTHENTICATED,
    );
    expect(await ask('ModelReady', { name: 'simple' }, key, other)).toMatchObject({ ready: true });
    expect(await ask('RepositoryModelUnload', { modelName: 'simple' }, key, other).catch(failed)).toBe(
      status.PERMISSION_DENIED,
    );
    other.close();
    await keyed.close();
  });

  test('bytes that are no HTTP/2 and messages that are no protobuf harm nobody', async () => {
    const [host = '', port = '0'] = server.address.split(':');
    const socket = connect(Number(port), host);
    socket.on('error', () => undefined);
    socket.end(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await expect(
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          '/inference.GRPCInferenceService/ModelInfer',
          (bytes: Buffer) => bytes,
          (bytes: Buffer) => bytes,
          Buffer.from([0xff, 0xff, 0xff]),
          (error, answer) => (error === null ? resolve(answer) : reject(error)),
        );
      }),
    ).rejects.toMatchObject({ code: status.INTERNAL });
    expect(await ask('ServerLive', {})).toMatchObject({ live: true });
  });
});
