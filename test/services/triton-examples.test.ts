// @module-tag deep
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { streamingModel } from '../../src/features/define/function-model.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { startServer } from '../../src/server/http-server.ts';
import { servingData } from '../serving/serving-data.ts';
import { tritonModels } from '../serving/triton-models.ts';
import { tritonPackages } from './triton-packages.ts';

/** The folder src/python/examples of a copy of Triton's client repository. */
const folder = process.env['TRITON_EXAMPLES'] ?? '';
const isHere = folder !== '' && existsSync(servingData);
if (!isHere) console.warn('skipped: TRITON_EXAMPLES names no folder with the example scripts of the clients of Triton');

/** Scripts that print PASS. */
const PASS = [
  ...['aio_infer', 'aio_sequence_stream_infer', 'async_infer', 'custom_args', 'infer', 'keepalive'],
  ...['sequence_stream_infer', 'sequence_sync_infer', 'shm', 'shm_string', 'string_infer'],
].map((name) => `simple_grpc_${name}_client`);
const HTTP = ['aio_infer', 'sequence_sync_infer', 'shm', 'shm_string', 'string_infer'].map(
  (name) => `simple_http_${name}_client`,
);
const EXPLICIT = ['byte', 'int', 'int8'].map((name) => `grpc_explicit_${name}_content_client`);

/** Scripts without that word: they end with 0 where they pass. */
const QUIET = [
  ...['simple_grpc_health_metadata', 'simple_http_health_metadata', 'simple_http_infer_client'],
  ...['simple_http_async_infer_client', 'reuse_infer_objects_client'],
];

/** Answers with each of its numbers, as the example of Triton does. */
const repeat = streamingModel({
  name: 'repeat_int32',
  inputs: [
    { name: 'IN', type: 'INT32', shape: [-1] },
    { name: 'DELAY', type: 'UINT32', shape: [-1] },
    { name: 'WAIT', type: 'UINT32', shape: [1] },
  ],
  outputs: [{ name: 'OUT', type: 'INT32', shape: [1] }],
  stream: async function* (inputs) {
    for (const [i, value] of inputs.IN.data.entries()) {
      await wait(inputs.DELAY.data[i] ?? 0);
      yield { OUT: { shape: [1], data: Int32Array.of(value) } };
    }
  },
});

/** Runs a script against its own server; `more` adds the model in pieces to those of the repository. */
async function ran(script: string, more: boolean) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-examples-'));
  const functions = more ? [repeat] : [];
  const models = { repository: tritonModels(directory), functions, serverName: 'triton', sharedMemory: true };
  const environment = { directory, partitions: 1, models };
  const headrace = await openHeadrace({ project: defineProject('examples', {}), environment });
  const listen = { host: '127.0.0.1', port: 0 };
  const server = await startServer(headrace, { ...listen, bodyLimit: 2 ** 20 });
  const grpc = await startGrpc(headrace, listen);
  try {
    const isGrpc = script.includes('grpc');
    const at = isGrpc ? grpc.address : server.url.replace('http://', '');
    const call = [join(folder, `${script}.py`), '-u', at];
    return await runCommand('python3', call, { env: { PYTHONPATH: await tritonPackages() }, limitMs: 300_000 });
  } finally {
    await server.close();
    await grpc.close();
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

describe.skipIf(!isHere)('example scripts of the clients of Triton', () => {
  test.each([...PASS, ...HTTP, ...EXPLICIT])('%s prints PASS', async (script) => {
    const { code, output } = await ran(script, false);
    expect(output).toMatch(/^PASS/m);
    expect(code, output).toBe(0);
  });

  test.each(QUIET)('%s ends with 0', async (script) => {
    const { code, output } = await ran(script, false);
    expect(code, output).toBe(0);
  });

  test('simple_http_model_control, for a repository of seven models, prints PASS', async () => {
    const { code, output } = await ran('simple_http_model_control', false);
    expect(output).toMatch(/^PASS/m);
    expect(code, output).toBe(0);
  });

  test('simple_grpc_custom_repeat prints PASS', async () => {
    const { code, output } = await ran('simple_grpc_custom_repeat', true);
    expect(output).toMatch(/^PASS/m);
    expect(code, output).toBe(0);
  });

  // A name of a file that is too long is its caller's mistake, as the script itself remarks: not INTERNAL.
  test('simple_grpc_model_control goes on to the status of a wrong name of a file', async () => {
    const { output } = await ran('simple_grpc_model_control', true);
    expect(output).toContain("got status='StatusCode.INVALID_ARGUMENT'");
  });
});
