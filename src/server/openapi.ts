import type { ProjectData } from '../features/define/declaration.ts';
import type { ColumnSpec, Columns, ScalarType } from '../schema/column.ts';
import { VECTOR_BINARY_TYPE } from '../schema/vector-format.ts';
import { MOST_KEYS } from './feature-answer.ts';
import { SPINE_TYPES } from './spine-types.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 description of a project's server: one path per source, service and model, with their own schemas. */
export function openApi(project: ProjectData): JsonSchema {
  const paths: Record<string, JsonSchema> = {
    '/healthz': get('The process is alive.'),
    '/readyz': get(
      'Whether everything that requests need is loaded and caught up; 503 names what is waited for. degraded names what is served, but not as declared.',
    ),
    '/v1/status': get('What came in, what is served, and what is not as declared.'),
    '/v1/slo': get('Every declared budget, and what was measured against it, as data that can be added up.'),
    '/metrics': get('Prometheus text.'),
    '/openapi.json': get('This description.'),
  };
  paths['/v1/admin/forget'] = post(
    'Takes an entity out of every store.',
    {
      type: 'object',
      required: ['entity', 'key'],
      properties: { entity: { type: 'string' }, key: { type: 'object', description: 'its parts by name' } },
    },
    { type: 'object' },
  );
  paths['/v1/admin/batch'] = post(
    'Runs a batch view now, or serves its generation before the newest again.',
    {
      type: 'object',
      required: ['view'],
      properties: {
        view: { type: 'string' },
        rollBack: { type: 'boolean' },
        acceptLoss: { type: 'boolean', description: 'switch however many keys the run lacks' },
      },
    },
    { type: 'object' },
  );
  paths['/v1/admin/promote'] = post(
    'Makes a version the champion of its model, once it has given its own scores again.',
    {
      type: 'object',
      required: ['model', 'version'],
      properties: { model: { type: 'string' }, version: { type: 'integer' } },
    },
    { type: 'object' },
  );
  Object.assign(paths, jobPaths());
  paths['/v1/models'] = get('The registered versions of every model, and its champion.');
  for (const { name } of project.models)
    paths[`/v1/models/${name}`] = get(`The registered versions of ${name}, and its champion.`);
  for (const source of project.sources) {
    const event = objectSchema(
      source.columns,
      Object.keys(source.columns).filter((name) => source.columns[name]?.nullable),
    );
    paths[`/v1/events/${source.name}`] = post(
      `Takes events of ${source.name}: one, an array, or JSON lines.`,
      {
        oneOf: [event, { type: 'array', items: event }],
      },
      ingestAnswer,
      { body: { 'application/x-ndjson': { schema: { type: 'string', description: 'an event a line' } } } },
    );
  }
  for (const service of project.services) {
    const request = objectSchema(service.request, []);
    const features = Object.fromEntries(
      service.features.map(({ name, type }) => [name, columnSchema({ ...type, nullable: true })]),
    );
    const vector = {
      type: 'object',
      properties: { ...vectorMembers, features: { type: 'object', properties: features } },
    };
    paths[`/v1/features/${service.name}`] = post(
      `Reads the feature vector of ${service.name}; with accept: ${VECTOR_BINARY_TYPE} as binary, column by column with names and types before them.`,
      {
        type: 'object',
        properties: { request, requests: { type: 'array', items: request, maxItems: MOST_KEYS }, at: instant },
      },
      { oneOf: [vector, { type: 'object', properties: { vectors: { type: 'array', items: vector } } }] },
      { answer: { [VECTOR_BINARY_TYPE]: { schema: { type: 'string', contentEncoding: 'binary' } } } },
    );
  }
  for (const service of project.services) paths[`/v1/training-sets/${service.name}`] = trainingSetPath(service.name);
  for (const model of project.models) {
    paths[`/v1/predictions/${model.name}`] = post(
      `Scores one request with the champion of ${model.name}.`,
      {
        type: 'object',
        required: ['id', 'request'],
        properties: { id: { type: 'string' }, request: objectSchema(model.service.request, []), at: instant },
      },
      predictionAnswer,
    );
  }
  return {
    openapi: '3.1.0',
    info: { title: project.name, version: '1' },
    paths,
    components: { schemas: { Error: errorSchema, Job: jobSchema } },
  };
}

/** Long work that is started, followed and cancelled by id. */
function jobPaths(): Readonly<Record<string, JsonSchema>> {
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
  const job = { description: 'the job', content: json({ $ref: '#/components/schemas/Job' }) };
  return {
    '/v1/admin/jobs': {
      ...post(
        'Starts a job: training of a model, or a backfill of a view; 202 answers with its id.',
        {
          type: 'object',
          required: ['kind'],
          properties: {
            kind: { enum: ['train', 'backfill'] },
            model: { type: 'string' },
            view: { type: 'string' },
            from: instant,
            to: instant,
            mode: { enum: ['corrected', 'as-known'] },
            rollBack: { type: 'boolean' },
            acceptLoss: { type: 'boolean' },
          },
        },
        { $ref: '#/components/schemas/Job' },
        { status: 202 },
      ),
      ...get('The jobs, the newest first.'),
    },
    '/v1/admin/jobs/{id}': {
      get: {
        summary: 'State and progress lines of a job.',
        parameters: [
          id,
          { name: 'after', in: 'query', schema: { type: 'integer' }, description: 'number of the first line' },
        ],
        responses: { 200: job, default: failure },
      },
      delete: { summary: 'Cancels a job.', parameters: [id], responses: { 200: job, default: failure } },
    },
    '/v1/admin/flush': post('Publishes to the history all that was taken.', { type: 'object' }, { type: 'object' }),
  };
}

function trainingSetPath(service: string): JsonSchema {
  const file = { schema: { type: 'string', contentEncoding: 'binary' } };
  return {
    post: {
      summary: `Writes the rows of the body with the features of ${service} as of the instant of each.`,
      parameters: [
        { name: 'mode', in: 'query', schema: { enum: ['corrected', 'as-known'] } },
        { name: 'time', in: 'query', schema: { type: 'string' }, description: 'the column of the instant (_at)' },
        { name: 'columns', in: 'query', schema: { type: 'string' }, description: 'request=column,…' },
      ],
      requestBody: {
        required: true,
        content: Object.fromEntries(Object.keys(SPINE_TYPES).map((type) => [type, file])),
      },
      responses: {
        200: {
          description: 'The training set as Parquet; with accept: application/json where it lies.',
          content: {
            'application/vnd.apache.parquet': file,
            'application/json': {
              schema: {
                type: 'object',
                properties: { path: { type: 'string' }, rows: { type: 'integer' }, nullKeys: { type: 'integer' } },
              },
            },
          },
        },
        default: failure,
      },
    },
  };
}

const failure: JsonSchema = {
  description: 'a catalogued error',
  content: json({ $ref: '#/components/schemas/Error' }),
};

const instant: JsonSchema = { type: 'integer', description: 'epoch milliseconds (UTC); now where it is left out' };

const errorSchema: JsonSchema = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        mend: { type: 'string', description: 'what to do' },
        retry: { enum: ['never', 'safe', 'later'] },
      },
    },
  },
};

const jobSchema: JsonSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    kind: { type: 'string' },
    target: { type: 'string', description: 'the model or view' },
    state: { enum: ['waiting', 'running', 'done', 'failed', 'cancelled'] },
    askedAt: instant,
    startedAt: { type: ['integer', 'null'] },
    endedAt: { type: ['integer', 'null'] },
    lines: { type: 'array', items: { type: 'string' }, description: 'progress from the line that was asked for on' },
    next: { type: 'integer', description: 'number of the next line' },
    result: { description: 'what the job made; null until it is done' },
    error: { description: 'why it failed or was cancelled, as in Error; null otherwise' },
  },
};

const ingestAnswer: JsonSchema = {
  type: 'object',
  properties: {
    accepted: { type: 'integer', description: 'events that count' },
    duplicate: { type: 'integer', description: 'events of an id that was accepted before' },
    late: { type: 'integer', description: 'events that came later than the source allows' },
    pending: { type: 'integer', description: 'events in the log that are not judged yet' },
    refused: { type: 'integer', description: 'events that are not in the log' },
    dropped: { type: 'array', items: { type: 'object' }, description: 'the first that are duplicate or late' },
    errors: { type: 'array', items: { type: 'object' }, description: 'the first that are refused' },
  },
};

const vectorMembers: JsonSchema = {
  at: instant,
  complete: { type: 'boolean' },
  missing: {
    type: 'object',
    description: 'reason by name of a feature without an answer',
    additionalProperties: { type: 'string' },
  },
  stale: { type: 'array', items: { type: 'string' }, description: 'lookups older than their freshness budget' },
  ages: { type: 'object', description: 'age of the data by tier, ms' },
  degraded: { type: 'boolean', description: 'the online store may have lost writes and is being caught up' },
};

const predictionAnswer: JsonSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    model: { type: 'string' },
    version: { type: 'integer' },
    score: { type: 'number' },
    at: instant,
  },
};

function get(summary: string): JsonSchema {
  return { get: { summary, responses: { 200: { description: 'as named' } } } };
}

/** `others`: media types beside JSON that body and answer may have. */
function post(
  summary: string,
  body: JsonSchema,
  answer: JsonSchema,
  others: { readonly body?: JsonSchema; readonly answer?: JsonSchema; readonly status?: number } = {},
): JsonSchema {
  return {
    post: {
      summary,
      requestBody: { required: true, content: { ...json(body), ...others.body } },
      responses: {
        [others.status ?? 200]: { description: 'done', content: { ...json(answer), ...others.answer } },
        default: failure,
      },
    },
  };
}

function json(schema: JsonSchema): JsonSchema {
  return { 'application/json': { schema } };
}

function objectSchema(columns: Columns, optional: readonly string[]): JsonSchema {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(columns).filter((name) => !optional.includes(name)),
    properties: Object.fromEntries(Object.entries(columns).map(([name, spec]) => [name, columnSchema(spec)])),
  };
}

const typeSchemas: Readonly<Record<ScalarType, JsonSchema>> = {
  text: { type: 'string' },
  int: { type: 'integer' },
  int64: { type: ['integer', 'string'], format: 'int64' },
  decimal: { type: ['number', 'string'] },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  time: { type: 'integer', description: 'epoch milliseconds (UTC)' },
};

function typeSchema({ type, element = 'text', length = 1 }: ColumnSpec): JsonSchema {
  if (type === 'embedding') return { type: 'array', items: typeSchemas.float, minItems: length, maxItems: length };
  return type === 'list' ? { type: 'array', items: typeSchemas[element] } : typeSchemas[type];
}

function columnSchema(spec: ColumnSpec): JsonSchema {
  const schema = typeSchema(spec);
  const described = {
    ...schema,
    ...(spec.unit === undefined ? {} : { 'x-unit': spec.unit }),
    ...(spec.deprecated === undefined ? {} : { deprecated: true }),
  };
  return spec.nullable ? { anyOf: [described, { type: 'null' }] } : described;
}
