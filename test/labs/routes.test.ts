import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allLabs } from '../../src/labs/all-labs.ts';
import type { LabReport } from '../../src/labs/lab-report.ts';
import { labsProject } from '../../src/labs/online-features/declaration.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { lastJson, runCli } from '../cli/run-cli.ts';
import { consolePages } from '../console/console-pages.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-lab-routes-'));
const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({ project: labsProject, environment: { directory } });
  server = await startServer(headrace, { ...options, labs: true });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

async function ask(path: string, body?: string, url = server.url) {
  const sent = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const answer = await fetch(`${url}${path}`, sent);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('a server that is no demo offers no lab, whatever is asked', async () => {
  const plain = await startServer(headrace, options);
  try {
    const off = { status: 404, body: { error: { code: 'LABS_OFF' } } };
    expect(await ask('/v1/labs', undefined, plain.url)).toMatchObject(off);
    expect(await ask('/v1/session', undefined, plain.url)).toMatchObject({ body: { labs: false } });
    expect(await ask('/v1/session')).toMatchObject({ body: { labs: true } });
    for (const { id } of allLabs) {
      expect(await ask(`/v1/labs/${id}`, undefined, plain.url)).toMatchObject(off);
      expect(await ask(`/v1/labs/${id}`, '{"action":"restart"}', plain.url)).toMatchObject(off);
    }
  } finally {
    await plain.close();
  }
});

test.each([
  ['/v1/labs/none', undefined, 404, 'LAB_UNKNOWN'],
  ['/v1/labs/__proto__', '{"action":"restart"}', 404, 'LAB_UNKNOWN'],
  ['/v1/labs/gpu-cluster', '{"action":"act","step":"none"}', 404, 'LAB_STEP'],
  ['/v1/labs/gpu-cluster', '{"action":"act","step":"constructor"}', 404, 'LAB_STEP'],
  ['/v1/labs/gpu-cluster', '{"action":"decide","step":"take-apart","choice":"toString"}', 400, 'LAB_CHOICE'],
  ['/v1/labs/gpu-cluster', '{"action":"decide","step":"take-apart","choice":"tune"}', 409, 'LAB_STATE'],
  ['/v1/labs/gpu-cluster', '{"action":"act","step":"all-ranks"}', 409, 'LAB_STATE'],
  ['/v1/labs/gpu-cluster', '{"action":"pass","step":"take-apart"}', 400, 'SERVER_BODY'],
  ['/v1/labs/gpu-cluster', '{"action":"act","step":"take-apart","run":{}}', 400, 'SERVER_BODY'],
  ['/v1/labs/gpu-cluster', '{"action":"act"}', 400, 'SERVER_BODY'],
  ['/v1/labs/gpu-cluster', '[', 400, 'SERVER_BODY'],
])('%s with %s is answered with %i %s, and no lab moves', async (path, body, status, code) => {
  const before = await ask('/v1/labs');
  expect(await ask(path, body)).toMatchObject({ status, body: { error: { code } } });
  expect(await ask('/v1/labs')).toEqual(before);
});

test('the command solves a lab over the routes, and the list counts it', async () => {
  const solved = await runCli(directory, ['labs', 'solve', 'gpu-cluster', '--server', server.url, '--json']);
  expect(solved).toMatchObject({ code: 0 });
  const { labs } = lastJson(solved) as { readonly labs: readonly LabReport[] };
  expect(labs[0]).toMatchObject({ id: 'gpu-cluster', isComplete: true });
  for (const { choices, tried } of labs[0].steps) {
    const taken = choices.find(({ id }) => id === tried.at(-1));
    const losses = choices.map(({ loss }) => loss?.value ?? Number.NaN);
    expect(taken?.loss?.value).toBe(Math.min(...losses));
    expect(losses.every(Number.isFinite)).toBe(true);
  }
  expect(await ask('/v1/labs')).toMatchObject({ status: 200, body: { completed: 1 } });
  const again = await ask('/v1/labs/gpu-cluster', '{"action":"restart"}');
  expect(again.body).toMatchObject({ passed: 0, answer: null });
});

test('the console has the page that the labs are reached by', async () => {
  expect(await consolePages()).toContain('/labs');
});
