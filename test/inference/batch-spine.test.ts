import { existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import type { JobReport } from '../../src/server/jobs/job-board.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { asked, came, registerSmall, small } from '../models/small-project.ts';
import { until } from '../until.ts';
import { sql } from './batch-site.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const directory = mkdtempSync(join(tmpdir(), 'headrace-spine-'));
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  const registry = openSqliteRegistry(registryFile(directory));
  await registerSmall(registry, new FileArtifactStore(join(directory, 'artifacts')), 1);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  await registry.close();
  const project = defineProject('p', { asked, came, small });
  headrace = await openHeadrace({ project, environment: { directory }, clock: () => START + 60 * MINUTE_MS });
  const row = (i: number) => ({ name: `n${i % 3}`, number: i - 5, gaps: i % 2 === 0 ? null : 0.5, category: i % 6 });
  await headrace.ingest(
    asked,
    Array.from({ length: 30 }, (_, i) => ({ id: `a${i}`, at: START + i * MINUTE_MS, ...row(i) })),
  );
  server = await startServer(headrace, { port: 0, host: '127.0.0.1', bodyLimit: 1e6 });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
});

const LINES = [
  'row,name,number,gaps,category,_at',
  ...[3, 11, 24].map((i) => `r${i},n${i % 3},${i},,2,${START + i * MINUTE_MS + 1}`),
];

test('a row of a spine has the score that an online prediction at its instant has', async () => {
  const from = join(directory, 'spine.csv');
  writeFileSync(from, `${LINES.join('\n')}\n`);
  const { result } = await headrace.startBatch(small, { from, to: join(directory, 'out'), spine: {}, workers: 1 });
  const { files, rows } = await result;
  expect(rows).toBe(3);
  const found = await sql(`SELECT "row", score FROM read_parquet('${files[0]}')`);
  const online = [];
  for (const i of [3, 11, 24]) {
    const request = { name: `n${i % 3}`, number: i, gaps: null, category: 2 };
    const { score } = await headrace.predict(small, `p${i}`, request, { at: START + i * MINUTE_MS + 1 });
    online.push([`r${i}`, score]);
  }
  expect(found).toEqual(online);
});

test('a job over HTTP scores a file of the folder of batches, and refuses every other path', async () => {
  const ask = async (method: string, path: string, body?: object) => {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    return (await fetch(server.url + path, { method, ...sent })).json();
  };
  const job = { kind: 'predict', model: 'small', to: 'out', spine: {}, workers: 1 };
  for (const from of ['../spine.csv', '/etc/passwd', '.'])
    expect(await ask('POST', '/v1/admin/jobs', { ...job, from })).toMatchObject({ error: { code: 'PREDICT_PATH' } });
  mkdirSync(join(directory, 'batch', 'files'), { recursive: true });
  const states = async (id: string) => {
    let found: Partial<JobReport> = {};
    await until(async () => {
      found = (await ask('GET', `/v1/admin/jobs/${id}`)) as JobReport;
      return found.state !== 'waiting' && found.state !== 'running';
    });
    return found;
  };
  writeFileSync(join(directory, 'batch', 'files', 'spine.csv'), `${LINES.join('\n')}\n`);
  const { id } = (await ask('POST', '/v1/admin/jobs', { ...job, from: 'spine.csv' })) as JobReport;
  const done = { state: 'done', result: { rows: 3, quarantined: 0, version: 1 } };
  expect(await states(id)).toMatchObject(done);
  // The columns of plain rows, by other names than those of the features.
  const columns = ['x0', 'x1', 'x2', 'x3'];
  writeFileSync(join(directory, 'batch', 'files', 'rows.csv'), `${columns.join()}\n1,2,0.5,1\n2,1,,2\n3,0,0.1,3\n`);
  const rows = { kind: 'predict', model: 'small', from: 'rows.csv', to: 'by-name', workers: 1 };
  const { registry } = insideOf(headrace).stores;
  const { signature } = await registry.version('small', 1);
  const inputs = signature.features.map((_, i) => columns[i % columns.length]);
  const named = (await ask('POST', '/v1/admin/jobs', { ...rows, inputs })) as JobReport;
  expect(await states(named.id)).toMatchObject(done);
  const few = (await ask('POST', '/v1/admin/jobs', {
    ...rows,
    inputs: ['x0', 'x1', 'x2', 'x3', 'x0', 'x1', 'x2'],
  })) as JobReport;
  expect(await states(few.id)).toMatchObject({ state: 'failed', error: { code: 'PREDICT_INPUTS' } });
  // Two of four rows cannot be scored: whatever the form of the output, the server names them.
  writeFileSync(
    join(directory, 'batch', 'files', 'bad.csv'),
    `${columns.join()}\n1,2,0.5,1\n2,1e300,1,2\n3,0,0.1,3\n4,-1e39,1,3\n`,
  );
  for (const [to, format] of [
    ['folder', {}],
    ['set', { format: 'csv' }],
  ] as const) {
    const sent = { ...rows, inputs, ...format, from: 'bad.csv', to, mostErrors: 0.9 };
    const bad = (await ask('POST', '/v1/admin/jobs', sent)) as JobReport;
    expect(await states(bad.id), to).toMatchObject({ state: 'done' });
    const dead = (await ask('GET', `/v1/admin/dead-rows/${bad.id}`)) as { rows: { row: number; file: string }[] };
    expect(dead, to).toMatchObject({ rows: [{ row: 1, code: expect.any(String) }, { row: 3 }], more: false });
    for (const { file } of dead.rows) expect(existsSync(join(directory, 'batch', 'files', file)), file).toBe(true);
    expect(await ask('GET', `/v1/admin/dead-rows/${bad.id}?limit=1`)).toMatchObject({ rows: [{ row: 1 }], more: true });
  }
  expect(await ask('GET', `/v1/admin/dead-rows/${id}`)).toEqual({ rows: [], more: false });
  expect(await ask('GET', '/v1/admin/dead-rows/nothing')).toMatchObject({ error: { code: 'JOB_UNKNOWN' } });
  // A pattern and a folder with a link could reach files elsewhere.
  writeFileSync(join(directory, 'outside.csv'), `${columns.join()}\n1,2,0.5,1\n`);
  mkdirSync(join(directory, 'batch', 'files', 'linked'));
  symlinkSync(join(directory, 'outside.csv'), join(directory, 'batch', 'files', 'linked', 'a.csv'));
  for (const from of ['{x,..}/{x,..}/outside.csv', 'linked', '*.csv']) {
    const outside = (await ask('POST', '/v1/admin/jobs', { ...rows, inputs, from, to: 'elsewhere' })) as JobReport;
    expect(await states(outside.id)).toMatchObject({ state: 'failed', error: { code: 'PREDICT_INPUT' } });
  }
});
