import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type { TensorSpec } from '../../schema/tensor.ts';
import { jsonOf } from '../../serving/oip/parse-infer.ts';
import { statisticsJson } from '../../serving/oip/statistics-json.ts';
import type { ServedVersion } from '../../versions/cache/served-version.ts';
import { configJson } from '../../versions/config/config-json.ts';
import { parametersJson } from '../../versions/request/model-parameters.ts';
import { refuse, unavailable } from '../../versions/request/refuse.ts';
import { hotInfer } from '../lean/hot-infer.ts';
import { extensionsOf } from '../oip/extensions.ts';
import { bodyOf, inferRoute, LARGEST_INFER } from '../oip/infer-route.ts';
import { json, jsonAnswer, type ReadContext, type ReadRoute, type RouteRequest } from '../route.ts';

const errors = ['OIP_REQUEST', 'OIP_UNKNOWN', 'OIP_UNAVAILABLE'] as const;

const base = { tag: 'inference', access: 'reads', takesBytes: true } as const;
const reading = { ...base, method: 'GET', scopes: ['read'], changes: null, errors } as const;

const tensors = z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) }));
const metadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: tensors,
  outputs: tensors,
  parameters: z
    .array(z.object({ name: z.string(), datatype: z.string(), list: z.boolean(), default: z.unknown() }))
    .optional(),
});

const PATHS = ['/v2/models/{model}', '/v2/models/{model}/versions/{version}'] as const;

type ModelRun = (served: ServedVersion, context: ReadContext) => unknown;

interface ModelRoute {
  readonly id: string;
  readonly suffix: '' | '/config' | '/stats';
  readonly summary: string;
  readonly answer: z.ZodType;
  readonly page: string;
  readonly run: ModelRun;
}

/** The two routes of a question about a model: without a version and with one. */
function modelRoutes({ id, suffix, summary, answer, page, run }: ModelRoute): readonly ReadRoute[] {
  return PATHS.map(
    (path, i): ReadRoute => ({
      ...reading,
      path: `${path}${suffix}`,
      operationId: i === 0 ? id : `${id}OfVersion`,
      page: { takes: '', answers: i === 0 ? page : 'the same of one version' },
      shapes: (_, define) => [{ summary, answers: { 200: json(define(id, answer)) } }],
      run: async (context, request) => jsonAnswer(run(await versionOf(context, request), context)),
    }),
  );
}

function versionOf({ served }: ReadContext, { params }: RouteRequest): Promise<ServedVersion> {
  return served.models.find(params['model'] ?? '', params['version'] ?? '');
}

const readyShape = z.object({ name: z.string(), ready: z.boolean() });

const readyRoutes = PATHS.map(
  (path, i): ReadRoute => ({
    ...reading,
    path: `${path}/ready`,
    operationId: i === 0 ? 'modelReady' : 'modelReadyOfVersion',
    page: {
      takes: '',
      answers: i === 0 ? '`{name, ready}` of a model that answers requests' : 'the same of one version',
    },
    shapes: (_, define) => [
      { summary: 'Whether a model answers requests.', answers: { 200: json(define('ModelReady', readyShape)) } },
    ],
    run: async ({ served }, { name, params }) => {
      if (await served.models.isReady(name, params['version'] ?? '')) return jsonAnswer({ name, ready: true });
      throw unavailable(`model '${name}' is not ready`);
    },
  }),
);

const simple = z.object({ live: z.boolean() });

function healthRoute(name: 'live' | 'ready', summary: string): ReadRoute {
  return {
    ...base,
    method: 'GET',
    path: `/v2/health/${name}`,
    operationId: name === 'live' ? 'inferenceLive' : 'inferenceReady',
    scopes: null,
    changes: null,
    errors: name === 'live' ? [] : ['OIP_UNAVAILABLE'],
    page: { takes: '', answers: name === 'live' ? '200 while the process lives' : '200 when the server can answer' },
    shapes: (_, define) => [{ summary, answers: { 200: json(define(`Inference_${name}`, simple)) } }],
    run: ({ served }) => {
      const [missing] = name === 'ready' ? served.notReady() : [];
      if (missing !== undefined) throw unavailable(missing);
      return jsonAnswer({ live: true, ...(name === 'ready' ? { ready: true } : {}) });
    },
  };
}

const serverShape = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });

function serverRoute(path: '/v2' | '/v2/'): ReadRoute {
  return {
    ...reading,
    path,
    operationId: path === '/v2' ? 'inferenceServer' : 'inferenceServerSlash',
    errors: [],
    page: { takes: '', answers: 'name, version and extensions of the server' },
    shapes: (_, define) => [
      { summary: 'Name and extensions of the server.', answers: { 200: json(define('InferenceServer', serverShape)) } },
    ],
    run: ({ served }) => jsonAnswer({ ...served.inferenceServer, extensions: extensionsOf(served.models) }),
  };
}

function specsOf(specs: readonly TensorSpec[]): readonly object[] {
  return specs.map(({ name, type, shape }) => ({ name, datatype: type, shape }));
}

function metadataOf({ name, config, signature, parameters }: ServedVersion, { served }: ReadContext): object {
  const versions = served.models.entries.get(name)?.holds.map(({ version }) => version) ?? [];
  return {
    name,
    versions,
    platform: config.platform,
    inputs: specsOf(signature.inputs),
    outputs: specsOf(signature.outputs),
    ...(parameters.length === 0 ? {} : { parameters: parametersJson(parameters) }),
  };
}

const statistics = z.object({ model_stats: z.array(z.looseObject({ name: z.string(), version: z.string() })) });

const allStatistics: ReadRoute = {
  ...reading,
  path: '/v2/models/stats',
  operationId: 'inferenceStatistics',
  page: { takes: '', answers: 'counts of every loaded version' },
  shapes: (_, define) => [
    { summary: 'Counts of every loaded version.', answers: { 200: json(define('InferenceStatistics', statistics)) } },
  ],
  run: ({ served }) => jsonAnswer({ model_stats: served.models.versions().map(statisticsJson) }),
};

const inferBody = z.looseObject({ inputs: z.array(z.looseObject({ name: z.string() })) });
const inferAnswer = z.object({
  model_name: z.string(),
  model_version: z.string(),
  outputs: z.array(z.looseObject({})),
});

/** Runs a model on the tensors of a request. */
const inferRoutes = PATHS.map(
  (path, i): ReadRoute => ({
    ...base,
    method: 'POST',
    path: `${path}/infer`,
    operationId: i === 0 ? 'infer' : 'inferVersion',
    scopes: ['read'],
    changes: 'served',
    bodyLimit: LARGEST_INFER,
    page: {
      takes: i === 0 ? '[tensors](oip.md), as JSON or binary' : 'the same for one version, `latest` or an alias',
      answers: 'the tensors of the outputs',
    },
    errors: [...errors, 'OIP_UNSUPPORTED', 'MODEL_TENSOR', 'MODEL_RUN', 'MODEL_FILE'],
    refusals: ['OIP_REQUEST'],
    shapes: (_, define) => [
      {
        summary: 'Runs a model on tensors.',
        body: { ...json(define('InferBody', inferBody)), 'application/octet-stream': 'binary' },
        answers: { 200: { ...json(define('InferAnswer', inferAnswer)), 'application/octet-stream': 'binary' } },
      },
    ],
    ...(i === 0 ? { hotBytes: hotInfer } : {}),
    run: ({ served }, request) => inferRoute(served.models, request),
  }),
);

const index = z.array(z.object({ name: z.string(), version: z.string(), state: z.string(), reason: z.string() }));

const repositoryIndex: ReadRoute = {
  ...base,
  method: 'POST',
  path: '/v2/repository/index',
  operationId: 'repositoryIndex',
  scopes: ['read'],
  changes: null,
  errors,
  page: { takes: 'nothing, or `{ready}`', answers: '`[{name, version, state, reason}]` of every model' },
  shapes: (_, define) => [
    {
      summary: 'Every model that the server knows, loaded or not.',
      answers: { 200: json(define('RepositoryIndex', index)) },
    },
  ],
  run: async ({ served }, { body }) => {
    const { ready = false } = objectOf(body);
    if (typeof ready !== 'boolean') throw refuse("Invalid value for 'ready': expected a boolean");
    return jsonAnswer(await served.models.index(ready));
  },
};

/** The JSON object of a body; empty where there is none. Error: OIP_REQUEST. */
function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  const bytes = bodyOf(body);
  return bytes.toString('latin1', 0, LONGEST_BLANK).trim() === '' && bytes.length <= LONGEST_BLANK ? {} : jsonOf(bytes);
}

/** White space that is no body, bytes. */
const LONGEST_BLANK = 64;

const empty = z.object({});

function controlRoute(
  action: 'load' | 'unload',
  summary: string,
  run: (context: ReadContext, request: RouteRequest) => Promise<void>,
): ReadRoute {
  return {
    ...base,
    method: 'POST',
    path: `/v2/repository/models/{model}/${action}`,
    operationId: action === 'load' ? 'loadModel' : 'unloadModel',
    scopes: ['admin'],
    changes: 'loaded',
    bodyLimit: LARGEST_INFER,
    errors: [...errors, 'OIP_LOAD'],
    page: { takes: action === 'load' ? 'nothing, or `{parameters}`' : 'nothing', answers: '`{}`' },
    shapes: (_, define) => [{ summary, answers: { 200: json(define('Empty', empty)) } }],
    run: async (context, request) => {
      await run(context, request);
      return jsonAnswer({});
    },
  };
}

const load = controlRoute('load', 'Loads a model, or loads it again.', async ({ served }, { name, body }) => {
  const { parameters = {} } = objectOf(body);
  await served.models.load(name, overrideOf(name, parameters));
});

const unload = controlRoute('unload', 'Unloads a model.', async ({ served }, { name, body }) => {
  objectOf(body);
  await served.models.unload(name);
});

/** The configuration and files that a load brings: `config` is JSON text, `file:<version>/<name>` base64. */
function overrideOf(model: string, parameters: unknown) {
  if (typeof parameters !== 'object' || parameters === null) throw refuse("'parameters' is no JSON object");
  const files = new Map<string, Uint8Array>();
  let config: string | null = null;
  for (const [key, value] of Object.entries(parameters)) {
    if (typeof value !== 'string')
      throw fail('OIP_LOAD', { reason: `failed to load '${model}', parameter '${key}' is no text` });
    if (key === 'config') config = value;
    else if (key.startsWith('file:')) files.set(key.slice('file:'.length), Buffer.from(value, 'base64'));
    else throw fail('OIP_LOAD', { reason: `failed to load '${model}', unrecognized load parameter '${key}'` });
  }
  return { config, files };
}

/** The routes of the Open Inference Protocol v2. */
export const oipRoutes: readonly ReadRoute[] = [
  serverRoute('/v2'),
  serverRoute('/v2/'),
  healthRoute('live', 'The process is alive.'),
  healthRoute('ready', 'Whether the server can answer.'),
  allStatistics,
  ...modelRoutes({
    id: 'modelMetadata',
    suffix: '',
    summary: 'Inputs and outputs of a model.',
    answer: metadata,
    page: 'name, versions, platform, inputs and outputs of a loaded model',
    run: metadataOf,
  }),
  ...readyRoutes,
  ...modelRoutes({
    id: 'modelConfig',
    suffix: '/config',
    summary: 'How a model is served.',
    answer: z.looseObject({ name: z.string() }),
    page: 'the configuration of a loaded model, as Triton writes it',
    run: ({ config }) => configJson(config),
  }),
  ...modelRoutes({
    id: 'modelStatistics',
    suffix: '/stats',
    summary: 'Counts of a model.',
    answer: statistics,
    page: 'counts of a loaded model',
    run: (served) => ({ model_stats: [statisticsJson(served)] }),
  }),
  ...inferRoutes,
  repositoryIndex,
  load,
  unload,
];
