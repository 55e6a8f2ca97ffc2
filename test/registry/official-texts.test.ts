import { expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { call, registrySite } from './registry-site.ts';

/* Answers of MLflow's own server 3.17.2 to its client, which shows their texts; RUN and LM stand for ids. */

interface Refusal {
  readonly ask: readonly [method: string, path: string, body?: unknown];
  readonly status: number;
  readonly says: string;
}

const version = (fields: object) => ['POST', '/mlflow/model-versions/create', { name: 'm', ...fields }] as const;
const alias = (fields: object) =>
  ['POST', '/mlflow/registered-models/alias', { name: 'm', version: '1', ...fields }] as const;
const param = (key: string) => ['POST', '/mlflow/runs/log-parameter', { run_id: 'RUN', key, value: 'x' }] as const;
const NAMES =
  'Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).';

const refusals: readonly Refusal[] = [
  {
    ask: ['GET', '/mlflow/registered-models/get?name=no'],
    status: 404,
    says: 'Registered Model with name=no not found',
  },
  {
    ask: ['POST', '/mlflow/registered-models/create', { name: 'a/b' }],
    status: 400,
    says: "Invalid model name 'a/b'. Names cannot contain '/' or ':'.",
  },
  {
    ask: ['GET', '/mlflow/model-versions/get?name=m&version=99'],
    status: 404,
    says: 'Model Version (name=m, version=99) not found',
  },
  {
    ask: ['GET', '/mlflow/model-versions/get?name=m&version=x'],
    status: 400,
    says: "Parameter 'version' must be an integer, got 'x'.",
  },
  {
    ask: version({ source: 'mlflow-artifacts:/a/../../b' }),
    status: 400,
    says: "Invalid model version source: 'mlflow-artifacts:/a/../../b'. If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.",
  },
  {
    ask: version({ source: '/etc/passwd', run_id: 'RUN' }),
    status: 400,
    says: "Invalid model version source: '/etc/passwd'. To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.",
  },
  {
    ask: ['GET', '/mlflow/registered-models/alias?name=m&alias=no'],
    status: 400,
    says: 'Registered model alias no not found.',
  },
  { ask: alias({ alias: 'latest' }), status: 400, says: "'latest' alias name (case insensitive) is reserved." },
  { ask: alias({ alias: 'v1' }), status: 400, says: "Version alias name 'v1' is reserved." },
  {
    ask: alias({ alias: 'x', version: '99' }),
    status: 404,
    says: 'Model Version (name=m, version=99) not found',
  },
  {
    ask: ['POST', '/mlflow/model-versions/set-tag', { name: 'm', version: '1', key: 'a\nb', value: 'v' }],
    status: 400,
    says: `Invalid value "a\\nb" for parameter 'key' supplied: ${NAMES}`,
  },
  {
    ask: ['POST', '/mlflow/registered-models/set-tag', { name: 'm', key: 'k'.repeat(300), value: 'v' }],
    status: 400,
    says: "'key' exceeds the maximum length of 250 characters",
  },
  {
    ask: ['GET', `/mlflow/model-versions/search?filter=${encodeURIComponent("name='x' OR name='y'")}`],
    status: 400,
    says: 'Invalid clause(s) in filter string: OR',
  },
  {
    ask: ['GET', `/mlflow/model-versions/search?filter=${encodeURIComponent("nome='x'")}`],
    status: 400,
    says: "Invalid attribute key 'nome' specified. Valid keys are '{",
  },
  {
    ask: ['POST', '/mlflow/runs/search', { experiment_ids: ['0'], order_by: ['nope.x'] }],
    status: 400,
    says: "Invalid entity type 'nope'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
  },
  { ask: param('a\nb'), status: 400, says: `Invalid value "a\\nb" for parameter 'key' supplied: ${NAMES}` },
  {
    ask: param('../b'),
    status: 400,
    says: "Invalid value \"../b\" for parameter 'key' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '../b'",
  },
  {
    ask: ['POST', '/mlflow/runs/delete-tag', { run_id: 'RUN', key: 'nope' }],
    status: 404,
    says: 'No tag with name: nope in run with id RUN',
  },
  {
    ask: ['POST', '/mlflow/experiments/delete-experiment-tag', { experiment_id: '0', key: 'nope' }],
    status: 404,
    says: 'No tag with name: nope in experiment with id 0',
  },
  {
    ask: [
      'POST',
      '/mlflow/runs/log-batch',
      {
        run_id: 'RUN',
        params: [
          { key: 'q', value: '1' },
          { key: 'q', value: '2' },
        ],
      },
    ],
    status: 400,
    says: "Duplicate parameter keys have been submitted: ['q']. Please ensure the request contains only one param value per param key.",
  },
  {
    ask: ['DELETE', '/mlflow/logged-models/LM/tags/k'],
    status: 404,
    says: "No tag with key 'k' found for model with ID 'LM'.",
  },
];

/** A registry with a run, a model of one version, and a logged model of the run. */
async function filled() {
  const site = await registrySite('memory');
  const post = async (path: string, body: object) => (await call(site, 'POST', path, body)).json as never;
  const made = await post('/mlflow/runs/create', { experiment_id: '0', user_id: 'ann' });
  const run = (made as { run: { info: { run_id: string } } }).run.info.run_id;
  await post('/mlflow/registered-models/create', { name: 'm' });
  const source = `mlflow-artifacts:/0/${run}/artifacts/model`;
  await post('/mlflow/model-versions/create', { name: 'm', source, run_id: run });
  const logged = await post('/mlflow/logged-models', { experiment_id: '0', name: 'x', source_run_id: run });
  const id = (logged as { model: { info: { model_id: string } } }).model.info.model_id;
  const named = (text: string) => text.replaceAll('RUN', run).replaceAll('LM', id);
  return { site, run, id, source, named };
}

test('a refusal has the status and the text of the official server', async () => {
  const { site, named } = await filled();
  for (const { ask, status, says } of refusals) {
    const [method, path, body] = ask;
    const sent = body === undefined ? undefined : JSON.parse(named(JSON.stringify(body)));
    const found = await call(site, method, named(path), sent);
    const { message } = found.json as { readonly message: string };
    const text = says.endsWith('{') ? message.slice(0, says.length) : message;
    expect([found.status, text]).toEqual([status, named(says)]);
  }
});

test('whatever names a version, it keeps the run, and its files are where the official server says', async () => {
  const { site, run, id, source } = await filled();
  const lm = `mlflow-artifacts:/0/models/${id}/artifacts`;
  await fetch(`${site.url}/api/2.0/mlflow-artifacts/artifacts/0/models/${id}/artifacts/x.txt`, {
    method: 'PUT',
    body: 'x',
  });
  const ways = [
    [{ source: `models:/${id}`, model_id: id }, lm],
    [{ source: `models:/${id}` }, lm],
    [{ source: lm, model_id: id }, lm],
    [{ source, run_id: run }, source],
    [{ source, run_id: run, model_id: id }, source],
  ] as const;
  for (const [fields, place] of ways) {
    const made = await call(site, 'POST', '/mlflow/model-versions/create', { name: 'm', ...fields });
    const { model_version: first } = made.json as { model_version: { version: string } };
    // A copy is of the same run, and so is a copy of a copy.
    let copied = first.version;
    for (const kind of [null, 'copy', 'copy'] as const) {
      if (kind !== null) {
        const again = await call(site, 'POST', '/mlflow/model-versions/create', {
          name: 'm',
          source: `models:/m/${copied}`,
        });
        copied = (again.json as { model_version: { version: string } }).model_version.version;
      }
      const { json } = await call(site, 'GET', `/mlflow/model-versions/get?name=m&version=${copied}`);
      const { model_version: found } = json as { model_version: Record<string, unknown> };
      expect(found).toMatchObject({ run_id: run, source: kind === null ? fields.source : expect.any(String) });
      expect(found['model_id'] ?? null).toBe('model_id' in fields || fields.source.startsWith('models:') ? id : null);
      const uri = await call(site, 'GET', `/mlflow/model-versions/get-download-uri?name=m&version=${copied}`);
      if (kind === null) expect(uri.json).toEqual({ artifact_uri: place });
    }
  }
});

test('a version is deleted with its aliases, unless one serves it or a rollout holds it', async () => {
  const { site, source } = await filled();
  const { registry } = site;
  const needs = [
    [],
    ['staging'],
    ['staging', 'other'],
    ['champion'],
    ['staging', 'champion'],
    ['gated'],
    ['hold'],
    ['staging', 'hold'],
  ];
  await registry.setGate({ model: 'm', alias: 'gated', name: 'g', kind: 'check', people: [], validMs: null });
  for (const [at, needed] of needs.entries()) {
    const made = await call(site, 'POST', '/mlflow/model-versions/create', { name: 'm', source });
    const number = Number((made.json as { model_version: { version: string } }).model_version.version);
    await registry.addVerdict('m', number, { gate: 'g', passed: true, who: 'ci', at, note: '' });
    for (const one of needed)
      if (one === 'hold') await registry.hold({ holder: 'rollout/r', model: 'm', version: number });
      else {
        const expected = await registry.alias('m', one);
        await registry.moveAlias('m', one, { expected, to: number, at });
      }
    const isFree = needed.every((one) => one === 'staging' || one === 'other');
    const answer = await call(site, 'DELETE', '/mlflow/model-versions/delete', { name: 'm', version: String(number) });
    expect([needed, answer.status]).toEqual([needed, isFree ? 200 : 409]);
    const left = (await registry.model('m'))?.aliases.filter((one) => one.version === number).map((one) => one.alias);
    expect(left).toEqual(isFree ? [] : needed.filter((one) => one !== 'hold').toSorted(compareText));
    await registry.release('rollout/r');
  }
});
