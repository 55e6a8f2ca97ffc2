import { z } from 'zod';
import { catalogue } from '../base/errors/catalogue.ts';
import type { ErrorCode } from '../base/errors/fail.ts';
import { compareText } from '../base/text-order.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { exactBounds } from './column-schema.ts';
import {
  type Component,
  type Contents,
  type Define,
  pathFor,
  type Route,
  type RouteShape,
  routeTags,
} from './route.ts';
import { changeKinds } from './route-access.ts';

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 description of a project's server: an operation per route, source, service and model, with their own schemas. */
export function openApi(project: ProjectData, routes: readonly Route[]): Json {
  return described(project, routes, (shapes) => shapes);
}

/**
 * The description of any project's server: paths keep their parameters. The columns of bodies are those of `project`, which is to
 * declare something of each kind. For the types of the console. @public
 */
export function generalOpenApi(project: ProjectData, routes: readonly Route[]): Json {
  return described(project, routes, ([first]) => {
    if (first === undefined) return [];
    const { name: _, ...general } = first;
    return [general];
  });
}

function described(
  project: ProjectData,
  routes: readonly Route[],
  chosen: (shapes: readonly RouteShape[]) => readonly RouteShape[],
): Json {
  const { define, schemas } = components();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    for (const shape of chosen(route.shapes(project, define))) {
      const operation = operationOf(route, shape);
      const path = pathFor(route, shape.name);
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation };
    }
  }
  define('Error', errorSchema);
  return {
    openapi: '3.1.0',
    info: { title: project.name, version: '1' },
    tags: Object.entries(routeTags).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: schemas(), responses: errorResponses, securitySchemes },
  };
}

/** The statuses of errors, by the name of their response. */
const failures: Readonly<Record<number, { readonly name: string; readonly description: string }>> = {
  400: { name: 'BadRequest', description: 'The body or the query is not as described.' },
  401: { name: 'Unauthorized', description: 'No valid API key.' },
  403: { name: 'Forbidden', description: 'The API key lacks a scope, or a page of another site calls.' },
  404: { name: 'NotFound', description: 'A name that the project does not declare.' },
  405: { name: 'MethodNotAllowed', description: 'Another method than those that the header allow lists.' },
  409: { name: 'Conflict', description: 'The state does not allow the call.' },
  413: { name: 'TooLarge', description: 'The body is larger than the server takes.' },
  415: { name: 'UnsupportedMediaType', description: 'Another content type.' },
  421: { name: 'Misdirected', description: 'The server does not answer as this host.' },
  500: { name: 'Fault', description: 'A fault of the server.' },
  501: { name: 'NotSupported', description: 'A store of the server lacks this ability.' },
  503: { name: 'Unavailable', description: 'The server cannot answer yet, or has too many requests: try again later.' },
  507: { name: 'OutOfSpace', description: 'The disk budget of the server is used up.' },
};

const retryAfter = { 'retry-after': { description: 'seconds to wait', schema: { type: 'integer' } } };

const errorContent = { 'application/json': { schema: refTo('Error') } };

const errorResponses: Json = Object.fromEntries(
  Object.entries(failures).map(([status, { name, description }]) => [
    name,
    { description, ...(isRetried(Number(status)) ? { headers: retryAfter } : {}), content: errorContent },
  ]),
);

const securitySchemes: Json = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, `hr_…`. A server that listens on its own machine only answers without one.',
  },
};

const errorSchema = z.object({
  error: z.object({
    code: z.string().describe('a code of the error catalogue'),
    message: z.string(),
    hint: z.string().describe('what to do'),
    retry: z.enum(['never', 'safe', 'later']),
  }),
});

function operationOf(route: Route, { name, summary, body, answers }: RouteShape): Json {
  const { operationId, tag, scopes, changes, refusals = [] } = route;
  return {
    operationId: name === undefined ? operationId : `${operationId}_${name}`,
    tags: [tag],
    summary,
    security: scopes === null ? [] : [{ apiKey: scopes }],
    ...(changes === null ? {} : { 'x-changes': changeKinds[changes].text }),
    ...parametersFor(route, name),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    ...(refusals.length === 0 ? {} : { 'x-refusals': refusals }),
    responses: responsesOf(answers, codesOf(route, body)),
  };
}

/** The parameters of the query, and that of a path whose values the declaration does not name. */
function parametersFor({ path, query }: Route, name: string | undefined): Json {
  const open = name === undefined ? [...path.matchAll(/\{(\w{1,64})\}/g)] : [];
  const inPath = open.map(([, parameter]) => ({
    name: parameter,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));
  const all = [...inPath, ...(query === undefined ? [] : parametersOf(query))];
  return all.length === 0 ? {} : { parameters: all };
}

/** Every code that a route answers with: those of its own, and those of every route of its kind. */
function codesOf(
  { method, scopes, access, hot, query, errors, refusals = [] }: Route,
  body: Contents | undefined,
): readonly ErrorCode[] {
  return [
    ...refusals,
    ...errors,
    'SERVER_HOST',
    'SERVER_PAGE',
    'SERVER_FAULT',
    ...(body === undefined && query === undefined ? [] : (['SERVER_BODY'] as const)),
    ...(body === undefined
      ? []
      : (['SERVER_BODY_SIZE', 'SERVER_BODY_BOUNDS', 'SERVER_HELD', 'SERVER_MEDIA_TYPE'] as const)),
    ...(method === 'POST' ? [] : (['SERVER_METHOD_BODY'] as const)),
    ...(scopes === null ? [] : (['AUTH_KEY', 'AUTH_SCOPE'] as const)),
    ...(access !== 'reads' ? (['SERVER_WRITER'] as const) : []),
    ...(hot === undefined ? [] : (['SERVER_CLOSING'] as const)),
  ];
}

function responsesOf(answers: RouteShape['answers'], codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { status } = catalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const failed = [...byStatus].map(([status, all]) => [
    status,
    failureOf(status, all.sort(compareText), answers[status]),
  ]);
  const answered = Object.entries(answers).map(([status, contents]) => [
    status,
    { description: Number(status) === 200 ? 'done' : 'not done', content: contentOf(contents) },
  ]);
  return Object.fromEntries([...answered, ...failed]);
}

/** An error response with its codes; `also` is an answer of the same status that is no error. */
function failureOf(status: number, codes: readonly ErrorCode[], also: Contents | undefined): Json {
  const failure = failures[status];
  const description = `${failure?.description ?? ''} ${codes.join(', ')}.`.trim();
  if (also === undefined && failure !== undefined)
    return { $ref: `#/components/responses/${failure.name}`, description };
  const own = also?.['application/json'];
  const schemas = [...(typeof own === 'object' ? [refTo(own.id)] : []), refTo('Error')];
  return { description, content: { 'application/json': { schema: { anyOf: schemas } } } };
}

function isRetried(status: number): boolean {
  return status === 503 || status === 507;
}

function contentOf(contents: Contents): Json {
  return Object.fromEntries(Object.entries(contents).map(([type, one]) => [type, { schema: schemaOf(one) }]));
}

function schemaOf(content: Component | 'binary' | 'text'): Json {
  if (content === 'text') return { type: 'string' };
  return content === 'binary' ? { type: 'string', format: 'binary' } : refTo(content.id);
}

function refTo(id: string): Json {
  return { $ref: `#/components/schemas/${id}` };
}

/** Parameters are texts: a default or a choice of one is taken over as it is. */
function parametersOf(query: z.ZodObject): readonly Json[] {
  const { properties = {} } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = Object(property);
    return { name, in: 'query', ...(description === undefined ? {} : { description }), schema };
  });
}

/** Collects the schemas of a description. */
function components(): { readonly define: Define; readonly schemas: () => Json } {
  const registry = z.registry<{ id: string }>();
  const byId = new Map<string, Component>();
  const define: Define = (id, schema) => {
    const known = byId.get(id);
    if (known !== undefined) return known;
    registry.add(schema, { id });
    const component = { id, schema };
    byId.set(id, component);
    return component;
  };
  const schemas = () => {
    const made = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'input' });
    return Object.fromEntries(
      Object.entries(made.schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, exactBounds(schema)]),
    );
  };
  return { define, schemas };
}
