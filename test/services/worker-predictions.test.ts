// @module-tag deep

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHeadrace } from '../../src/running/headrace.ts';
import { loadProto } from '../../src/server/grpc/proto.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { startCli } from '../cli/run-cli.ts';
import { halfAtOnce, soldProject } from '../rollouts/sold-project.ts';
import { numberOf } from '../rollouts/sold-server.ts';
import { registerVersions } from '../rollouts/versions.ts';
import { until } from './until.ts';

const KILLS = Number(process.env['HEADRACE_WORKER_KILLS'] ?? 4);

const folder = mkdtempSync(join(tmpdir(), 'headrace-worker-predictions-'));
const directory = join(folder, 'data');
const project = soldProject(halfAtOnce);
let group: ChildProcess;
let url = '';
let grpc = '';
let ids = 0;
const acknowledged = new Map<string, number>();

beforeAll(async () => {
  const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${path('src/index.ts')};
import { halfAtOnce, soldProject } from ${path('test/rollouts/sold-project.ts')};
export default defineConfig({ project: soldProject(halfAtOnce), environments: { local: { directory: 'data' } } });`,
  );
  mkdirSync(directory);
  await registerVersions(directory, 'sold', ['good']);
  group = startCli(folder, ['serve', '--workers', '2', '--port', '0', '--grpc-port', '0']);
  let out = '';
  group.stdout?.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  await until(async () => {
    [, grpc = ''] = /gRPC on (\S+)/.exec(out) ?? [];
    [, url = ''] = /listening on (\S+)/.exec(out) ?? [];
    return url !== '' && grpc !== '' ? true : out;
  });
});

afterAll(() => {
  group?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** One call on its own connection, so that the processes share them out; null where it got no answer. */
function call(path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string } | null> {
  return new Promise((resolve) => {
    const asked = request(
      `${url}${path}`,
      {
        method: body === undefined ? 'GET' : 'POST',
        agent: new Agent(),
        headers: { 'content-type': 'application/json' },
        timeout: 20_000,
      },
      (answer) => {
        let text = '';
        answer.on('data', (bytes: Buffer) => {
          text += bytes.toString();
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', () => resolve(null));
      },
    );
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Asks for one prediction; whether it was acknowledged. */
async function predict(): Promise<boolean> {
  ids += 1;
  const id = `p-${ids}`;
  const number = numberOf(ids);
  const answer =
    ids % 2 === 0
      ? await call('/v1/predictions/sold', {
          id,
          request: { name: `caller ${ids % 50}`, number, gaps: null, category: 1 },
        })
      : await call('/v2/models/sold/infer', {
          parameters: { headrace_id: id },
          inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [number] }],
        });
  if (answer?.status !== 200) return false;
  const { score, outputs } = JSON.parse(answer.text);
  // JSON of a tensor has the digits that a float32 needs.
  acknowledged.set(id, Math.fround(score ?? outputs[0].data[0]));
  return true;
}

function pidOf(worker: string): number {
  for (const task of readFileSync(`/proc/${group.pid}/task/${group.pid}/children`, 'utf8').trim().split(' '))
    if (readFileSync(`/proc/${task}/environ`, 'utf8').includes(`HEADRACE_WORKER={"name":"${worker}"`))
      return Number(task);
  throw new Error(`no process is ${worker}`);
}

/** Sum over the processes of a sample of the group's metrics whose labels hold a text. */
async function summed(name: string, labels: string): Promise<number> {
  const answer = await call('/metrics');
  return (answer?.text ?? '')
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

test('both readers answer predictions, and the figures of the processes add up', async () => {
  const before = ids;
  await until(async () => {
    await Promise.all(Array.from({ length: 16 }, predict));
    const { text = '' } = (await call('/metrics')) ?? {};
    const answered = ['reader-1', 'reader-2'].map((worker) =>
      text.includes(`nv_inference_request_success{worker="${worker}",model="sold"`),
    );
    return answered.every(Boolean) ? true : text;
  });
  expect(acknowledged.size).toBe(ids - before);
  // Of entities and of tensors: one loaded version answers both.
  expect(await summed('nv_inference_request_success', 'model="sold"')).toBe(acknowledged.size);
});

test('gRPC is answered at the port of the group', async () => {
  const [{ Client, credentials }, proto] = await Promise.all([import('@grpc/grpc-js'), loadProto()]);
  const client = new Client(grpc, credentials.createInsecure());
  const fields = {
    modelName: 'sold',
    parameters: { headrace_id: { choice: { case: 'stringParam', value: 'by grpc' } } },
    inputs: [{ name: 'features', datatype: 'FP32', shape: [1n, 1n], contents: { fp32Contents: [0.5] } }],
  };
  const answer = await new Promise<{ readonly rawOutputContents: readonly Uint8Array[] }>((resolve, reject) => {
    client.makeUnaryRequest(
      '/inference.GRPCInferenceService/ModelInfer',
      (message: object) => Buffer.from(proto.encode('ModelInferRequest', message)),
      (bytes: Buffer) => proto.decode('ModelInferResponse', bytes) as never,
      fields,
      (error: Error | null, value?: never) => (error === null && value !== undefined ? resolve(value) : reject(error)),
    );
  });
  client.close();
  const [raw] = answer.rawOutputContents;
  const score = new DataView(raw.buffer, raw.byteOffset, raw.byteLength).getFloat32(0, true);
  const told = await call('/v2/models/sold/infer', {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 1], data: [0.5] }],
  });
  expect(score).toBe(Math.fround(JSON.parse(told?.text ?? '').outputs[0].data[0]));
  acknowledged.set('by grpc', score);
});

test('kill −9 of readers and of the writer loses no acknowledged prediction, and each is in the history once', async () => {
  for (let kill = 0; kill < KILLS; kill += 1) {
    const victim = kill % 2 === 0 ? 'writer' : `reader-${1 + ((kill >> 1) % 2)}`;
    const pid = pidOf(victim);
    let isKilled = false;
    const callers = Array.from({ length: 12 }, async () => {
      while (!isKilled) await predict();
    });
    const before = acknowledged.size;
    await until(async () => (acknowledged.size >= before + 60 ? true : `${acknowledged.size - before} answers`));
    process.kill(pid, 'SIGKILL');
    isKilled = true;
    await Promise.all(callers);
    // It is back when many in a row are answered, by whichever process.
    await until(async () => (await Promise.all(Array.from({ length: 12 }, predict))).every(Boolean));
    expect(pidOf(victim)).not.toBe(pid);
  }
  group.kill('SIGTERM');
  await once(group, 'exit');
  const headrace = await openHeadrace({ project, environment: { directory } });
  try {
    await headrace.flush();
    const seen = new Map<string, number[]>();
    const { history } = headrace;
    for await (const rows of history.query(
      `SELECT id, score FROM ${history.relation(predictionTable(headrace.model('sold')))}`,
    ))
      for (const [id, score] of rows) seen.set(String(id), [...(seen.get(String(id)) ?? []), Number(score)]);
    for (const [id, score] of acknowledged) expect([id, seen.get(id)]).toEqual([id, [score]]);
    // One that was not acknowledged may be there, once.
    expect([...seen.values()].filter(({ length }) => length > 1)).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(60 * KILLS);
  } finally {
    await headrace.close();
  }
});
