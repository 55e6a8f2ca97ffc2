import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allMlflowRoutes } from '../../src/server/mlflow/all-mlflow-routes.ts';
import { type Change, isAudited } from '../../src/server/route-access.ts';
import { scopedSite } from '../server/scoped-site.ts';

/** The tables of the registry that a change of a kind may write; `versions` may name the files that they consist of. */
const TABLES: Readonly<Partial<Record<Change, readonly string[]>>> = {
  runs: [
    'experiments',
    'experiment_tags',
    'runs',
    'run_tags',
    'logged_models',
    'logged_model_tags',
    'logged_model_params',
  ],
  values: ['runs', 'run_tags', 'run_params', 'metrics', 'latest_metrics', 'datasets', 'run_datasets', 'run_models'],
  versions: ['models', 'model_tags', 'versions', 'version_tags', 'version_files', 'version_contents', 'deliveries'],
  standing: [
    'models',
    'model_tags',
    'versions',
    'version_tags',
    'version_files',
    'version_contents',
    'verdicts',
    'aliases',
    'moves',
    'gates',
    'deliveries',
  ],
  files: ['artifact_files', 'artifact_claims'],
  webhooks: ['webhooks', 'deliveries'],
};

/** The contents of each table, as digests. */
function tablesOf(path: string): ReadonlyMap<string, string> {
  const database = new DatabaseSync(path, { readOnly: true });
  const names = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all();
  const tables = names.map(({ name }): [string, string] => {
    const rows = database.prepare(`SELECT * FROM "${String(name)}"`).all();
    const text = JSON.stringify(rows.map((row) => Object.values(row).map((value) => String(value))));
    return [String(name), createHash('sha256').update(text).digest('hex')];
  });
  database.close();
  return new Map(tables);
}

const { directory, bearer, audit, openRegistry } = scopedSite([
  ['registry', 'promote'],
  ['registry', 'code'],
]);
const file = join(directory, 'registry.sqlite');

describe('a registry with keys', () => {
  let site: Awaited<ReturnType<typeof openRegistry>>;
  const ids = { run: '', logged: '', webhook: '', upload: '' };

  const ask = async (method: string, path: string, body: object | string, authorization: string) => {
    const isText = typeof body === 'string';
    const query = method === 'GET' && !isText ? `?${new URLSearchParams({ ...body }).toString()}` : '';
    const response = await fetch(`${site.url}/api/2.0${path}${query}`, {
      method,
      headers: { authorization, ...(isText ? {} : { 'content-type': 'application/json' }) },
      ...(method === 'GET' ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text };
  };
  const post = async (path: string, body: object) => {
    const { status: code, text } = await ask('POST', path, body, bearer('admin'));
    expect(code, text).toBe(200);
    return JSON.parse(text);
  };

  beforeAll(async () => {
    site = await openRegistry('registry.sqlite');
    ids.run = (await post('/mlflow/runs/create', { experiment_id: '0' })).run.info.run_id;
    ids.logged = (await post('/mlflow/logged-models', { experiment_id: '0', name: 'l' })).model.info.model_id;
    await ask('PUT', '/mlflow-artifacts/artifacts/1/a/model.txt', 'hello', bearer('admin'));
    for (const name of ['m', 'free', 'gone']) {
      await post('/mlflow/registered-models/create', { name });
      for (let i = 0; i < 3; i += 1)
        await post('/mlflow/model-versions/create', { name, source: 'mlflow-artifacts:/1/a' });
    }
    await post('/mlflow/registered-models/alias', { name: 'm', alias: 'champion', version: '1' });
    const webhook = {
      name: 'w',
      url: 'https://hooks.example/x',
      events: [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }],
    };
    ids.webhook = (await post('/mlflow/webhooks', webhook)).webhook.webhook_id;
    const made = await post('/mlflow-artifacts/mpu/create/1/b', { path: 'b.bin', num_parts: 1 });
    ids.upload = made.upload_id;
    await ask('PUT', `/mlflow-artifacts/mpu/part/${ids.upload}/1`, 'part', bearer('admin'));
  });
  afterAll(async () => {
    await site.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A body for each route with which it does what it is for. */
  function bodyOf(path: string): object | string {
    const run = { run_id: ids.run };
    const tag = { key: 'team', value: 'a' };
    const bodies: Readonly<Record<string, object | string>> = {
      '/mlflow/experiments/create': { name: 'new' },
      '/mlflow/experiments/get': { experiment_id: '0' },
      '/mlflow/experiments/get-by-name': { experiment_name: 'Default' },
      '/mlflow/experiments/update': { experiment_id: '0', new_name: 'Other' },
      '/mlflow/experiments/delete': { experiment_id: '1' },
      '/mlflow/experiments/restore': { experiment_id: '1' },
      '/mlflow/experiments/set-experiment-tag': { experiment_id: '0', ...tag },
      '/mlflow/experiments/delete-experiment-tag': { experiment_id: '0', key: 'team' },
      '/mlflow/runs/create': { experiment_id: '0', tags: [{ key: 'headrace.job', value: 'j' }] },
      '/mlflow/runs/log-metric': { ...run, key: 'k', value: 1, timestamp: 1 },
      '/mlflow/runs/log-parameter': { ...run, key: 'p', value: '1' },
      '/mlflow/runs/set-tag': { ...run, ...tag },
      '/mlflow/runs/delete-tag': { ...run, key: 'team' },
      '/mlflow/runs/log-batch': { ...run, metrics: [{ key: 'b', value: 1, timestamp: 1 }], params: [], tags: [tag] },
      '/mlflow/runs/log-model': {
        ...run,
        model_json: JSON.stringify({ artifact_path: 'a', flavors: {}, utc_time_created: 'x', run_id: ids.run }),
      },
      '/mlflow/runs/log-inputs': {
        ...run,
        datasets: [{ dataset: { name: 'd', digest: 'e', source_type: 't', source: 's' } }],
      },
      '/mlflow/runs/outputs': { ...run, models: [{ model_id: ids.logged, step: 0 }] },
      '/mlflow/runs/update': { ...run, status: 'FINISHED', end_time: 2 },
      '/mlflow/runs/search': { experiment_ids: ['0'] },
      '/mlflow/metrics/get-history': { ...run, metric_key: 'k' },
      '/mlflow/metrics/get-history-bulk-interval': { run_ids: ids.run, metric_key: 'k' },
      '/mlflow/logged-models': { experiment_id: '0', name: 'n' },
      '/mlflow/logged-models/search': { experiment_ids: ['0'] },
      '/mlflow/logged-models/{id}': { status: 'LOGGED_MODEL_READY' },
      '/mlflow/logged-models/{id}/tags': { tags: [tag] },
      '/mlflow/logged-models/{id}/params': { params: [{ key: 'p', value: '1' }] },
      '/mlflow/registered-models/create': { name: 'new' },
      '/mlflow/registered-models/get': { name: 'm' },
      '/mlflow/registered-models/update': { name: 'm', description: 'd' },
      '/mlflow/registered-models/rename': { name: 'free', new_name: 'freed' },
      '/mlflow/registered-models/delete': { name: 'gone' },
      '/mlflow/registered-models/get-latest-versions': { name: 'm' },
      '/mlflow/registered-models/set-tag': { name: 'm', ...tag },
      '/mlflow/registered-models/delete-tag': { name: 'm', key: 'team' },
      '/mlflow/registered-models/alias': { name: 'm', alias: 'challenger', version: '2' },
      '/mlflow/model-versions/create': {
        name: 'm',
        source: 'mlflow-artifacts:/1/a',
        tags: [{ key: 'headrace.features', value: 'a' }],
      },
      '/mlflow/model-versions/get': { name: 'm', version: '1' },
      '/mlflow/model-versions/update': { name: 'm', version: '1', description: 'd' },
      '/mlflow/model-versions/delete': { name: 'm', version: '3' },
      '/mlflow/model-versions/transition-stage': { name: 'm', version: '1', stage: 'Staging' },
      '/mlflow/model-versions/get-download-uri': { name: 'm', version: '1' },
      '/mlflow/model-versions/set-tag': { name: 'm', version: '1', ...tag },
      '/mlflow/model-versions/delete-tag': { name: 'm', version: '1', key: 'team' },
      '/mlflow-artifacts/artifacts/{path+}': 'content',
      '/mlflow-artifacts/mpu/create/{path+}': { path: 'c.bin', num_parts: 1 },
      '/mlflow-artifacts/mpu/part/{upload}/{number}': 'part two',
      '/mlflow-artifacts/mpu/complete/{path+}': {
        upload_id: ids.upload,
        path: 'b.bin',
        parts: [{ part_number: 1, etag: createHash('sha256').update('part two').digest('hex') }],
      },
      '/mlflow-artifacts/mpu/abort/{path+}': { upload_id: ids.upload },
      '/mlflow/webhooks': {
        name: 'v',
        url: 'https://hooks.example/y',
        events: [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }],
      },
      '/mlflow/webhooks/{id}': { description: 'd' },
    };
    return bodies[path] ?? run;
  }

  const pathOf = (path: string) =>
    path
      .replace('logged-models/{id}', `logged-models/${ids.logged}`)
      .replace('webhooks/{id}', `webhooks/${ids.webhook}`)
      .replace('{upload}/{number}', `${ids.upload}/1`)
      .replace('{key+}', 'team')
      .replace('{path+}', path.includes('/artifacts/') ? '1/a/more.txt' : '1/b');

  test('a call with the scopes of its route changes what the route says, and one that acts has one line', async () => {
    const wrong: string[] = [];
    const did = new Set<Change>();
    for (const route of allMlflowRoutes) {
      const { method, path, scopes, changes } = route;
      const [before, noted] = [tablesOf(file), audit().length];
      const key = bearer(...(scopes ?? (['read'] as const)));
      const { status: code, text } = await ask(method, pathOf(path), bodyOf(path), key);
      if (code === 403) wrong.push(`${method} ${path}: ${text}`);
      const after = tablesOf(file);
      const changed = [...after].filter(([name, digest]) => before.get(name) !== digest).map(([name]) => name);
      const allowed = changes === null ? [] : (TABLES[changes] ?? []);
      const beside = changed.filter((name) => !allowed.includes(name));
      if (beside.length > 0) wrong.push(`${method} ${path} (${changes}) changed ${beside.join(', ')}`);
      if (changes !== null && changed.length > 0) did.add(changes);
      const lines = audit().length - noted;
      if (lines !== (isAudited(route) ? 1 : 0)) wrong.push(`${method} ${path} (${changes}): ${lines} lines`);
    }
    expect(wrong).toEqual([]);
    expect(did).toEqual(new Set(Object.keys(TABLES)));
  });

  test('further scopes are asked for what they are for, and a sealed version stays as it is', async () => {
    const [registry, both] = [bearer('registry'), bearer('registry', 'promote')];
    const meaning = { key: 'headrace.features', value: 'b' };
    const tags: readonly (readonly [string, string, object])[] = [
      ['POST', '/mlflow/model-versions/set-tag', { name: 'm', version: '2', ...meaning }],
      ['DELETE', '/mlflow/model-versions/delete-tag', { name: 'm', version: '2', ...meaning }],
      ['POST', '/mlflow/registered-models/set-tag', { name: 'm', ...meaning }],
      ['POST', '/mlflow/runs/set-tag', { run_id: ids.run, ...meaning }],
      ['POST', '/mlflow/runs/log-batch', { run_id: ids.run, metrics: [], params: [], tags: [meaning] }],
      ['POST', '/mlflow/experiments/set-experiment-tag', { experiment_id: '0', ...meaning }],
    ];
    await post('/mlflow/runs/restore', { run_id: ids.run });
    await ask('DELETE', '/mlflow/registered-models/alias', { name: 'm', alias: 'challenger' }, bearer('promote'));
    for (const [method, path, body] of tags) {
      expect(await ask(method, path, body, registry), path).toMatchObject({ status: 403 });
      expect(await ask(method, path, body, both), path).toMatchObject({ status: 200 });
    }
    const aliased = { name: 'm', version: '1', ...meaning };
    for (const key of [both, bearer('admin')]) {
      expect(await ask('POST', '/mlflow/model-versions/set-tag', aliased, key)).toMatchObject({ status: 409 });
      const rename = { name: 'm', new_name: 'other' };
      expect(await ask('POST', '/mlflow/registered-models/rename', rename, key)).toMatchObject({ status: 409 });
      expect(await ask('DELETE', '/mlflow/registered-models/delete', { name: 'm' }, key)).toMatchObject({
        status: 409,
      });
    }
  });

  test('a version that is a program needs the scope for code, by whatever name its files come', async () => {
    const mlmodel = 'flavors:\n  python_function:\n    loader_module: evil\n';
    await ask('PUT', '/mlflow-artifacts/artifacts/7/p/MLmodel', mlmodel, bearer('artifacts'));
    const create = { name: 'm', source: 'mlflow-artifacts:/7/p' };
    const path = '/mlflow/model-versions/create';
    expect(await ask('POST', path, create, bearer('registry'))).toMatchObject({
      status: 403,
      text: expect.stringContaining('code'),
    });
    const made = await ask('POST', path, create, bearer('registry', 'code'));
    expect(made.status).toBe(200);
    const version = JSON.parse(made.text).model_version.version;
    const copy = { name: 'freed', source: `models:/m/${version}` };
    expect(await ask('POST', path, copy, bearer('registry'))).toMatchObject({ status: 403 });
  });
});
