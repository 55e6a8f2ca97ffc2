import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { functionModel } from '../../src/features/define/function-model.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningGrpc, startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { loadProto, type PlainMessage, type Proto } from '../../src/server/grpc/proto.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { SharedMemory } from '../../src/serving/oip/shared-memory.ts';

const doubled = functionModel({
  name: 'doubled',
  inputs: [{ name: 'x', type: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'y', type: 'FP32', shape: [-1, 2] }],
  run: ({ x }) => ({ y: { shape: x.shape, data: Float32Array.from(x.data, (value) => 2 * value) } }),
});

/** A shared memory object with these numbers, removed at the end of the test; its key. */
function object(...values: readonly number[]): string {
  const key = `headrace-test-${randomUUID()}`;
  writeFileSync(`/dev/shm/${key}`, Buffer.from(Float32Array.from(values).buffer));
  onTestFinished(() => rmSync(`/dev/shm/${key}`, { force: true }));
  return key;
}

function numbersOf(key: string): readonly number[] {
  return [...new Float32Array(Uint8Array.from(readFileSync(`/dev/shm/${key}`)).buffer)];
}

const place = (region: string, byteSize: number, offset = 0) => ({
  shared_memory_region: region,
  shared_memory_byte_size: byteSize,
  ...(offset === 0 ? {} : { shared_memory_offset: offset }),
});

describe.skipIf(!existsSync('/dev/shm'))('tensors in shared memory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-shm-'));
  let headrace: Headrace;
  let server: RunningServer;
  let grpc: RunningGrpc;
  let client: Client;
  let proto: Proto;

  beforeAll(async () => {
    const models = { functions: [doubled], sharedMemory: true };
    headrace = await openHeadrace({ project: defineProject('shm', {}), environment: { directory, models } });
    server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
    grpc = await startGrpc(headrace, { host: '127.0.0.1', port: 0 });
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

  async function post(path: string, body: object): Promise<readonly [number, unknown]> {
    const answer = await fetch(`${server.url}/v2/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return [answer.status, await answer.json()];
  }

  const register = (name: string, key: string, byteSize: number, offset = 0) =>
    post(`systemsharedmemory/region/${name}/register`, { key, offset, byte_size: byteSize });

  function call(rpc: string, request: object, from = `${rpc}Request`): Promise<PlainMessage> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/inference.GRPCInferenceService/${rpc}`,
        (fields: object) => proto.encode(from, fields),
        (bytes: Buffer) => proto.decode(`${rpc}Response`, bytes),
        request,
        (error: ServiceError | null, answer?: PlainMessage) => (error === null ? resolve(answer ?? {}) : reject(error)),
      );
    });
  }

  test('inputs are read and outputs written at their places, and no bytes of them are in the answer', async () => {
    const [input, output] = [object(0, 1, 2, 3, 4), object(0, 0, 0, 0, 0, 0)];
    expect(await register('in', `/${input}`, 16, 4)).toEqual([200, {}]);
    expect(await register('out', output, 24)).toEqual([200, {}]);
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [2, 2], parameters: place('in', 16) }];
    const outputs = [{ name: 'y', parameters: place('out', 20, 4) }];
    const [status, answer] = await post('models/doubled/infer', { inputs, outputs });
    expect(status, JSON.stringify(answer)).toBe(200);
    const parameters = place('out', 16, 4);
    expect(Object(answer).outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [2, 2], parameters }]);
    expect(numbersOf(output)).toEqual([0, 2, 4, 6, 8, 0]);
    const listed = await (await fetch(`${server.url}/v2/systemsharedmemory/status`)).json();
    expect(listed).toEqual([
      { name: 'in', key: `/${input}`, offset: 4, byte_size: 16 },
      { name: 'out', key: output, offset: 0, byte_size: 24 },
    ]);
    expect(await post('systemsharedmemory/unregister', {})).toEqual([200, {}]);
    expect(await post('models/doubled/infer', { inputs })).toEqual([
      400,
      expect.objectContaining({ error: "Unable to find shared memory region: 'in'" }),
    ]);
  });

  test('over gRPC the same, with an empty entry in the raw contents', async () => {
    const [input, output] = [object(5, 6), object(0, 0)];
    await call('SystemSharedMemoryRegister', { name: 'gin', key: input, offset: 0n, byteSize: 8n });
    await call('SystemSharedMemoryRegister', { name: 'gout', key: output, offset: 0n, byteSize: 8n });
    const at = (region: string) => ({
      shared_memory_region: { choice: { case: 'stringParam', value: region } },
      shared_memory_byte_size: { choice: { case: 'int64Param', value: 8n } },
    });
    const request = {
      modelName: 'doubled',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1n, 2n], parameters: at('gin') }],
      outputs: [{ name: 'y', parameters: at('gout') }],
    };
    const answer = await call('ModelInfer', request);
    expect((answer['rawOutputContents'] as readonly Uint8Array[]).map(({ length }) => length)).toEqual([0]);
    expect(numbersOf(output)).toEqual([10, 12]);
    const { regions } = await call('SystemSharedMemoryStatus', { name: 'gin' });
    expect(Object(regions).gin).toMatchObject({ key: input, byteSize: 8n });
    await call('SystemSharedMemoryUnregister', { name: '' });
    await expect(call('CudaSharedMemoryRegister', { name: 'c' })).rejects.toMatchObject({ code: 12 });
  });

  test('what does not fit, and what is no shared memory object, is refused', async () => {
    const key = object(1, 2);
    expect((await register('r', key, 12))[0]).toBe(400);
    expect((await register('r', key, -1))[0]).toBe(400);
    for (const bad of ['../passwd', '/../etc/passwd', 'a/b', '', '.', '..', '/', 'absent', `${key}\0`])
      expect((await register('bad', bad, 1))[0], bad).toBe(400);
    const link = `headrace-test-${randomUUID()}`;
    symlinkSync('/etc/passwd', `/dev/shm/${link}`);
    onTestFinished(() => rmSync(`/dev/shm/${link}`));
    expect((await register('link', link, 1))[0]).toBe(400);
    expect((await register('r', key, 8))[0]).toBe(200);
    expect((await register('r', key, 8))[0]).toBe(400);
    const x = { name: 'x', datatype: 'FP32', shape: [1, 2] };
    for (const parameters of [
      place('r', 12),
      place('r', 8, 4),
      place('r', 4),
      { shared_memory_region: 'r' },
      place('r', 0.5),
    ])
      expect((await post('models/doubled/infer', { inputs: [{ ...x, parameters }] }))[0]).toBe(400);
    const outputs = [{ name: 'y', parameters: place('r', 4) }];
    const [status, answer] = await post('models/doubled/infer', { inputs: [{ ...x, data: [1, 2] }], outputs });
    expect([status, Object(answer).error]).toEqual([400, expect.stringContaining('should be at least 8 bytes')]);
    expect(numbersOf(key)).toEqual([1, 2]);
  });

  test('a region keeps its object after the name is removed, and a shorter one is refused', () => {
    const key = object(7, 8);
    const memory = new SharedMemory();
    memory.register({ name: 'a', key, offset: 0, byteSize: 8 });
    writeFileSync(`/dev/shm/${key}`, '');
    expect(() => memory.read({ region: 'a', offset: 0, byteSize: 8 })).toThrow(/has become shorter/);
    memory.unregister();
    expect(memory.status()).toEqual([]);
  });
});

test('without the option shared memory is refused by name', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-shm-'));
  const environment = { directory, models: { functions: [doubled] } };
  const headrace = await openHeadrace({ project: defineProject('off', {}), environment });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  onTestFinished(async () => {
    await server.close();
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const { extensions } = Object(await (await fetch(`${server.url}/v2`)).json());
  expect(extensions).not.toContain('system_shared_memory');
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: place('in', 8) }];
  const init = { method: 'POST', body: JSON.stringify({ inputs }) };
  const answer = await fetch(`${server.url}/v2/models/doubled/infer`, init);
  expect([answer.status, Object(await answer.json()).error]).toEqual([
    501,
    expect.stringContaining("set 'models.sharedMemory'"),
  ]);
});
