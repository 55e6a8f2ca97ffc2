import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { call, registrySite } from './registry-site.ts';

async function withModel(url: { readonly url: string }, versions: number): Promise<void> {
  await call(url, 'POST', '/mlflow/registered-models/create', { name: 'm' });
  for (let i = 0; i < versions; i += 1)
    expect(
      await call(url, 'POST', '/mlflow/model-versions/create', { name: 'm', source: 'mlflow-artifacts:/1/a' }),
    ).toMatchObject({ status: 200 });
}

async function withRun(site: { readonly url: string }): Promise<string> {
  const { json } = await call(site, 'POST', '/mlflow/runs/create', { experiment_id: '0', start_time: 1 });
  return (json as { run: { info: { run_id: string } } }).run.info.run_id;
}

const put = (site: { readonly url: string }, path: string, body: string) =>
  fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body });
const get = (site: { readonly url: string }, path: string, headers: Record<string, string> = {}) =>
  fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { headers });

test.each([
  [undefined, 404, null],
  ['https://shop.example/ml/', 302, 'https://shop.example/ml/'],
  ['http://0.0.0.0:8080/', 302, 'http://127.0.0.1:8080/'],
  ['http://[::]:8080/', 302, 'http://127.0.0.1:8080/'],
])('a browser that follows an address of a run finds the console %s', async (console, status, location) => {
  const site = await registrySite('memory', console === undefined ? {} : { console });
  const answer = await fetch(`${site.url}/`, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([status, location]);
  expect((await fetch(`${site.url}/`, { method: 'POST', redirect: 'manual' })).status).toBe(404);
});

describe('faults of other registries that this one does not have', () => {
  test('an absent artefact is 404, and a name outside Latin-1 is downloaded by its name', async () => {
    const site = await registrySite('memory');
    expect((await get(site, 'a/none')).status).toBe(404);
    const name = encodeURIComponent('模型 é "x".bin');
    expect((await put(site, `a/${name}`, 'hello')).status).toBe(200);
    const response = await get(site, `a/${name}`);
    expect(await response.text()).toBe('hello');
    expect(response.headers.get('content-disposition')).toContain(`filename*=UTF-8''${name.replaceAll("'", '%27')}`);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('a version that an alias needs is not deleted, and the number of a deleted one is not used again', async () => {
    const site = await registrySite('memory');
    await withModel(site, 2);
    await call(site, 'POST', '/mlflow/registered-models/alias', { name: 'm', alias: 'champion', version: '2' });
    const remove = () => call(site, 'DELETE', '/mlflow/model-versions/delete', { name: 'm', version: '2' });
    expect(await remove()).toMatchObject({ status: 409, json: { error_code: 'RESOURCE_CONFLICT' } });
    expect(await call(site, 'GET', '/mlflow/registered-models/alias?name=m&alias=champion')).toMatchObject({
      status: 200,
    });
    await call(site, 'DELETE', '/mlflow/registered-models/alias', { name: 'm', alias: 'champion' });
    expect(await remove()).toMatchObject({ status: 200 });
    await withModel(site, 1);
    expect(await call(site, 'GET', '/mlflow/model-versions/get?name=m&version=3')).toMatchObject({ status: 200 });
  });

  test('a history without max_results is the history, infinities stay, and the last page has no token', async () => {
    const site = await registrySite('memory');
    const run = await withRun(site);
    for (const [step, value] of [1, 'Infinity', 'NaN'].entries())
      await call(site, 'POST', '/mlflow/runs/log-metric', { run_id: run, key: 'k', value, timestamp: step, step });
    const { json } = await call(site, 'GET', `/mlflow/metrics/get-history?run_id=${run}&metric_key=k`);
    expect(json).toEqual({
      metrics: [1, 'Infinity', 'NaN'].map((value, step) => ({ key: 'k', value, timestamp: step, step })),
    });
    const page = await call(site, 'GET', `/mlflow/metrics/get-history?run_id=${run}&metric_key=k&max_results=3`);
    expect(page.json).not.toHaveProperty('next_page_token');
  });

  test('a stage that cannot archive, and one key twice in an order, are 400', async () => {
    const site = await registrySite('memory');
    await withModel(site, 1);
    const moved = { name: 'm', version: '1', stage: 'Archived', archive_existing_versions: true };
    expect(await call(site, 'POST', '/mlflow/model-versions/transition-stage', moved)).toMatchObject({ status: 400 });
    const twice = { experiment_ids: ['0'], order_by: ['metrics.a', 'metrics.a DESC'] };
    expect(await call(site, 'POST', '/mlflow/runs/search', twice)).toMatchObject({ status: 400 });
  });

  test('the bound of a batch counts bytes, not keys', async () => {
    const site = await registrySite('memory');
    const run = await withRun(site);
    const tags = Array.from({ length: 100 }, (_, i) => ({ key: `t${i}`, value: 'x'.repeat(7_000) }));
    expect(await call(site, 'POST', '/mlflow/runs/log-batch', { run_id: run, tags })).toMatchObject({ status: 200 });
    const params = Array.from({ length: 100 }, (_, i) => ({ key: `p${i}`, value: 'x'.repeat(5_900) }));
    expect(await call(site, 'POST', '/mlflow/runs/log-batch', { run_id: run, tags, params })).toMatchObject({
      status: 400,
    });
  });

  test('the same batch again costs the same statements, however long the history is', async () => {
    const { SqliteDatabase } = await import('../../src/backends/embedded/registry/sqlite-database.ts');
    const { registrySchema } = await import('../../src/registry/sql/schema.ts');
    const { sqlRegistry } = await import('../../src/registry/sql/sql-registry.ts');
    const database = new SqliteDatabase(':memory:', registrySchema);
    let [statements, rows] = [0, 0];
    const counting = {
      dialect: database.dialect,
      read: database.read.bind(database),
      close: () => database.close(),
      write: <T>(work: Parameters<typeof database.write<T>>[0]) =>
        database.write<T>((sql) =>
          work({
            all: async (text, values) => {
              const found = await sql.all(text, values);
              [statements, rows] = [statements + 1, rows + found.length];
              return found;
            },
            run: async (text, values) => {
              statements += 1;
              return sql.run(text, values);
            },
          }),
        ),
    };
    const registry = sqlRegistry(counting);
    await registry.createRun({ id: 'a'.repeat(32), experiment: '0', name: 'r', user: '', startedAt: 1, tags: [] });
    const batch = (from: number) => ({
      params: [],
      tags: [],
      metrics: Array.from({ length: 100 }, (_, i) => ({ key: 'loss', value: from + i, at: from + i, step: from + i })),
    });
    const cost = async (from: number) => {
      [statements, rows] = [0, 0];
      await registry.logBatch('a'.repeat(32), batch(from));
      return [statements, rows];
    };
    const first = await cost(0);
    for (let from = 100; from < 5_000; from += 100) await cost(from);
    expect(await cost(0)).toEqual(first);
    expect((await registry.metricHistory('a'.repeat(32), 'loss', { offset: 0, limit: 10_000 })).rows).toHaveLength(
      5_000,
    );
    await registry.close();
  });
});

describe('bad input', () => {
  test.each([
    'a/../b',
    '..%2fb',
    '%252e%252e%252fb',
    'a//b',
    '%2fetc',
    'a%23b',
    'a%00b',
    'c:%2fx',
    'a%5c..%5cb',
    '~%2fx',
  ])('an artefact named %s is refused, and nothing is stored', async (path) => {
    const site = await registrySite('memory');
    const status = await new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(site.url);
      // The client does not rewrite the path, as fetch would.
      const sent = request(
        { hostname, port, method: 'PUT', path: `/api/2.0/mlflow-artifacts/artifacts/${path}` },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      sent.on('error', reject).end('x');
    });
    expect(status).toBe(400);
    expect(await site.registry.filesUnder('')).toEqual([]);
  });

  test.each([
    ['mlflow-artifacts:/1/../../etc'],
    ['mlflow-artifacts:/1/%252e%252e/x'],
    ['file:///etc/passwd'],
    ['/etc/passwd'],
    ['mlflow-artifacts:/1/a\u0000'],
    ['mlflow-artifacts:/1//a'],
  ])('a version from %s is refused', async (source) => {
    const site = await registrySite('memory');
    await call(site, 'POST', '/mlflow/registered-models/create', { name: 'm' });
    const answer = await call(site, 'POST', '/mlflow/model-versions/create', { name: 'm', source });
    expect(answer).toMatchObject({ status: 400, json: { error_code: 'INVALID_PARAMETER_VALUE' } });
  });

  test('aliases that clients read as something else are refused', async () => {
    const site = await registrySite('memory');
    await withModel(site, 1);
    for (const alias of ['latest', 'LATEST', 'v1', 'V12', 'a b', 'a/b', 'x'.repeat(256), ''])
      expect(
        await call(site, 'POST', '/mlflow/registered-models/alias', { name: 'm', alias, version: '1' }),
        alias,
      ).toMatchObject({ status: 400 });
  });

  test.each([
    ['POST', '/mlflow/runs/search', { experiment_ids: ['0'], filter: "a = 'b' OR c = 'd'" }],
    ['POST', '/mlflow/runs/search', { experiment_ids: ['0'], filter: "metrics.a > 'x'" }],
    ['POST', '/mlflow/runs/search', { experiment_ids: ['0'], filter: "params.a LIKE 'x" }],
    ['POST', '/mlflow/runs/search', { experiment_ids: ['0'], max_results: 60_000 }],
    ['GET', '/mlflow/metrics/get-history-bulk-interval?run_ids=a&metric_key=k&max_results=-1', undefined],
    ['POST', '/mlflow/runs/search', { experiment_ids: ['0'], page_token: 'zzz' }],
    ['POST', '/mlflow/experiments/create', { name: 'a\u0000b' }],
    ['POST', '/mlflow/experiments/create', { name: { nested: true } }],
    ['POST', '/mlflow/registered-models/create', { name: 'a/b' }],
    ['POST', '/mlflow/runs/log-metric', { run_id: '../x', key: 'k', value: 1, timestamp: 1 }],
    ['GET', '/mlflow/model-versions/get?name=m&version=one', undefined],
  ])('%s %s %j is 400 with a code', async (method, path, body) => {
    const site = await registrySite('memory');
    expect(await call(site, method, path, body)).toMatchObject({
      status: 400,
      json: { error_code: expect.any(String), message: expect.any(String) },
    });
  });

  test('no JSON, no content type, another method, and parts that are not here have their errors', async () => {
    const site = await registrySite('memory');
    const at = (path: string, init: RequestInit) => fetch(`${site.url}${path}`, init);
    const create = '/api/2.0/mlflow/experiments/create';
    expect(
      (await at(create, { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } })).status,
    ).toBe(400);
    expect((await at(create, { method: 'POST', body: new Uint8Array([123, 125]) })).status).toBe(400);
    for (const path of [
      '/api/2.0/mlflow/traces',
      '/api/3.0/mlflow/traces/search',
      '/api/2.0/mlflow/gateway-proxy',
      '/api/3.0/mlflow/workspaces',
      '/x',
    ])
      expect(await (await at(path, {})).json()).toMatchObject({ error_code: 'ENDPOINT_NOT_FOUND' });
    expect((await at(create, {})).status).toBe(404);
    // Old clients send JSON in a text of JSON.
    const twice = JSON.stringify(JSON.stringify({ name: 'old' }));
    expect(
      (await at(create, { method: 'POST', body: twice, headers: { 'content-type': 'application/json' } })).status,
    ).toBe(200);
    expect(site.faults).toEqual([]);
  });

  test('a registry that is held by another process is 503 with Retry-After, and one that is damaged never a shorter answer', async () => {
    const { openSqliteRegistry } = await import('../../src/site/open-registry.ts');
    const { mkdtempSync } = await import('node:fs');
    const { DatabaseSync } = await import('node:sqlite');
    const path = `${mkdtempSync('/tmp/headrace-held-')}/registry.sqlite`;
    const site = await registrySite(openSqliteRegistry(path, { busyTimeoutMs: 20 }));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const response = await fetch(`${site.url}/api/2.0/mlflow/experiments/create`, {
      method: 'POST',
      body: '{"name":"x"}',
      headers: { 'content-type': 'application/json' },
    });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    other.exec('ROLLBACK');
    other.close();
    expect(await call(site, 'POST', '/mlflow/experiments/create', { name: 'x' })).toMatchObject({ status: 200 });
  });
});

describe('artefacts', () => {
  test('ranges are those of the file, and one outside it is 416', async () => {
    const site = await registrySite('memory');
    await put(site, 'a/x', '0123456789');
    const ranged = async (range: string) => {
      const response = await get(site, 'a/x', { range });
      return [response.status, response.status === 206 ? await response.text() : response.headers.get('content-range')];
    };
    expect(await ranged('bytes=2-4')).toEqual([206, '234']);
    expect(await ranged('bytes=-3')).toEqual([206, '789']);
    expect(await ranged('bytes=8-')).toEqual([206, '89']);
    expect((await ranged('bytes=20-30'))[0]).toBe(416);
  });

  test('a version keeps its files when others are written under the same paths', async () => {
    const site = await registrySite('memory');
    await put(site, '1/a/model.pkl', 'first');
    await withModel(site, 1);
    await put(site, '1/a/model.pkl', 'second');
    const record = await site.registry.versionRecord('m', 1);
    const [file] = record?.files ?? [];
    expect(new TextDecoder().decode(await site.artifacts.get(file.digest))).toBe('first');
    expect(record?.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a damaged content breaks its download before the end', async () => {
    const { readdirSync, writeFileSync } = await import('node:fs');
    const site = await registrySite('memory');
    await put(site, 'a/x', 'x'.repeat(1_000_000));
    const folder = `${site.directory}/artifacts`;
    const [name = ''] = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((each) => /[0-9a-f]{64}$/.test(each));
    writeFileSync(`${folder}/${name}`, 'y'.repeat(1_000_000));
    await expect(get(site, 'a/x').then((response) => response.text())).rejects.toThrow();
    expect(site.faults).toHaveLength(1);
  });
});
