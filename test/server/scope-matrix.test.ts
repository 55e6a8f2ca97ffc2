import { rmSync } from 'node:fs';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { SCOPES, type Scope } from '../../src/operating/scopes.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { grpcMethods } from '../../src/server/grpc/grpc-methods.ts';
import { startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { loadProto } from '../../src/server/grpc/proto.ts';
import { startServer } from '../../src/server/http-server.ts';
import { allMlflowRoutes } from '../../src/server/mlflow/all-mlflow-routes.ts';
import { isAudited, type RouteAccess } from '../../src/server/route-access.ts';
import { allRoutes } from '../../src/server/routes/all-routes.ts';
import { beyond, scopedSite } from './scoped-site.ts';
import { project } from './shop.ts';

const { directory, bearer, audit, openRegistry } = scopedSite();
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Whether a key of one scope may call a route. */
const mayCall = (scope: Scope, { scopes }: RouteAccess) =>
  scopes === null || scope === 'admin' || scopes.every((one) => one === scope);

interface Door {
  readonly name: string;
  readonly routes: readonly (RouteAccess & { readonly name: string; readonly method: string; readonly path: string })[];
}

const rest: Door = {
  name: 'the server',
  routes: allRoutes.map((route) => ({
    ...route,
    name: `${route.method} ${route.path}`,
    path: route.path.replaceAll(/\{\w+\}/g, 'x'),
  })),
};

const mlflow: Door = {
  name: 'the registry',
  routes: allMlflowRoutes.map((route) => ({
    ...route,
    name: `${route.method} ${route.path}`,
    path: `/api/2.0${route.path.replaceAll(/\{\w+\+?\}/g, 'x')}`,
  })),
};

async function openDoor({ name }: Door): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  if (name === rest.name) {
    const server = await startServer(headrace, { ...beyond, bodyLimit: 20_000 });
    return { url: server.url.replace('0.0.0.0', '127.0.0.1'), close: server.close };
  }
  return openRegistry('empty.sqlite');
}

describe.each([rest, mlflow])('$name', (door) => {
  let open: Awaited<ReturnType<typeof openDoor>>;
  beforeAll(async () => {
    open = await openDoor(door);
  });
  afterAll(() => open.close());

  const ask = async (method: string, path: string, authorization: string | null) => {
    const hasBody = method !== 'GET' && method !== 'DELETE';
    const response = await fetch(`${open.url}${path}`, {
      method,
      headers: {
        ...(authorization === null ? {} : { authorization }),
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
      },
      ...(hasBody ? { body: '{}' } : {}),
    });
    return { status: response.status, body: await response.text() };
  };

  test.each(door.routes)('$name is open to keys with its scopes only, and a refused act is noted', async (route) => {
    const { method, path, scopes } = route;
    const none = await ask(method, path, null);
    if (scopes === null) expect(none.status).not.toBe(401);
    else expect(none.status).toBe(401);
    for (const scope of SCOPES) {
      if (scopes === null) continue;
      if (mayCall(scope, route)) {
        // What an administrator may call is called below, where a call does something.
        if (scope !== 'admin') expect((await ask(method, path, bearer(scope))).status, scope).not.toBe(403);
        continue;
      }
      const before = audit().length;
      const answer = await ask(method, path, bearer(scope));
      expect(answer, scope).toMatchObject({ status: 403, body: expect.stringContaining('AUTH_SCOPE') });
      const noted = audit().slice(before);
      expect(
        noted.map(({ outcome }) => outcome),
        scope,
      ).toEqual(isAudited(route) ? ['AUTH_SCOPE'] : []);
    }
  });
});

test('gRPC methods are open to keys with their scopes only, and a refused act is noted', async () => {
  const running = await startGrpc(headrace, beyond);
  const client = new Client(running.address.replace('0.0.0.0', '127.0.0.1'), credentials.createInsecure());
  const proto = await loadProto();
  const ask = (name: string, authorization: string) =>
    new Promise<number>((resolve) => {
      const metadata = new Metadata();
      metadata.set('authorization', authorization);
      client.makeUnaryRequest(
        `/inference.GRPCInferenceService/${name}`,
        (fields: object) => proto.encode(`${name}Request`, fields),
        (bytes) => bytes,
        {},
        metadata,
        (error: ServiceError | null) => resolve(error?.code ?? status.OK),
      );
    });
  for (const [name, route] of Object.entries(grpcMethods))
    for (const scope of SCOPES) {
      const before = audit().length;
      const code = await ask(name, bearer(scope));
      const isAllowed = mayCall(scope, route);
      expect(code === status.PERMISSION_DENIED, `${name} with ${scope}`).toBe(!isAllowed);
      const noted = audit().slice(before);
      expect(noted.length, `${name} with ${scope}`).toBe(isAudited(route) ? 1 : 0);
    }
  client.close();
  await running.close();
});

test('no hot route has a line in the audit log for each call, and every route that is no read says what it changes', () => {
  const hot = allRoutes.filter((route) => route.hot !== undefined || ('hotBytes' in route && route.hotBytes));
  expect(hot.length).toBeGreaterThan(3);
  expect(hot.filter(isAudited)).toEqual([]);
  const silent = [...allRoutes, ...allMlflowRoutes].filter(
    ({ method, changes, scopes }) =>
      changes === null && (method !== 'GET' || !['read', undefined].includes(scopes?.[0])),
  );
  expect(silent.map(({ method, path }) => `${method} ${path}`).sort(compareText)).toEqual([
    'GET /mlflow/webhooks',
    'GET /mlflow/webhooks/{id}',
    'GET /v1/admin/audit',
    'GET /v1/admin/backups',
    'GET /v1/admin/dead-rows/{id}',
    'GET /v1/admin/jobs',
    'GET /v1/admin/jobs/{id}',
    'GET /v1/admin/keys',
    'POST /mlflow/experiments/search',
    'POST /mlflow/logged-models/search',
    'POST /mlflow/model-versions/search',
    'POST /mlflow/registered-models/get-latest-versions',
    'POST /mlflow/registered-models/search',
    'POST /mlflow/runs/search',
    'POST /v1/explanations/{service}',
    'POST /v1/files/cost',
    'POST /v1/files/drift',
    'POST /v1/files/gpu',
    'POST /v1/stream-scores/{stream}',
    'POST /v2/repository/index',
  ]);
});
