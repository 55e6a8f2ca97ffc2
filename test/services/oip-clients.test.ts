// @module-tag deep
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { startServer } from '../../src/server/http-server.ts';
import { servingData, skipNote } from '../serving/serving-data.ts';
import { tritonModels } from '../serving/triton-models.ts';
import { tritonPackages } from './triton-packages.ts';

/** Every check of triton_clients.py, in its order. */
const CHECKS = [
  'http infer',
  'http version',
  'http bytes',
  'http control and errors',
  'http JSON',
  'http gzip',
  'http deflate',
  'http async',
  'grpc infer',
  'grpc version',
  'grpc bytes',
  'grpc control and errors',
  'http.aio infer',
  'grpc.aio infer',
  'grpc.aio sequence in a stream',
];

describe.skipIf(!existsSync(servingData))(`clients of Triton (${skipNote})`, () => {
  test('tritonclient over http, http.aio, grpc and grpc.aio runs unchanged', async () => {
    const packages = await tritonPackages();
    const directory = mkdtempSync(join(tmpdir(), 'headrace-clients-'));
    const headrace = await openHeadrace({
      project: defineProject('clients', {}),
      environment: { directory, partitions: 1, models: { repository: tritonModels(directory), serverName: 'triton' } },
    });
    const listen = { host: '127.0.0.1', port: 0 };
    const server = await startServer(headrace, { ...listen, bodyLimit: 2 ** 20 });
    const grpc = await startGrpc(headrace, listen);
    try {
      const script = fileURLToPath(new URL('./python/triton_clients.py', import.meta.url));
      const call = [script, server.url.replace('http://', ''), grpc.address];
      const { code, output } = await runCommand('python3', call, { env: { PYTHONPATH: packages }, limitMs: 300_000 });
      expect(output).toContain(CHECKS.map((check) => `holds: ${check}`).join('\n'));
      expect(code, output).toBe(0);
    } finally {
      await server.close();
      await grpc.close();
      await headrace.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
