import type { FastifyInstance } from 'fastify';
import { openApi } from '../openapi.ts';
import type { ServedProject } from '../served-project.ts';
import type { Group } from '../workers/group.ts';

/** What operators and monitors ask: of this process, or of all of a group for which it speaks. */
export function operationRoutes(server: FastifyInstance, served: ServedProject, group: Group | null): void {
  const description = JSON.stringify(openApi(served.project));
  server.get('/healthz', (_, reply) => reply.type('application/json').send('{"status":"ok"}'));
  server.get('/readyz', async (_, reply) => {
    const { waiting, degraded } = await standing(served, group);
    return reply
      .code(waiting.length === 0 ? 200 : 503)
      .type('application/json')
      .send(JSON.stringify({ ready: waiting.length === 0, waiting, degraded }));
  });
  server.get('/v1/status', async (_, reply) =>
    reply.type('application/json').send(JSON.stringify((await group?.status()) ?? served.status())),
  );
  server.get('/v1/slo', async (_, reply) =>
    reply.type('application/json').send(JSON.stringify((await group?.slo()) ?? served.slo())),
  );
  server.get('/metrics', async (_, reply) => {
    const { contentType, text } = await served.metrics();
    return reply.type(contentType).send(group === null ? text : await group.metrics());
  });
  server.get('/openapi.json', (_, reply) => reply.type('application/json').send(description));
}

async function standing(
  served: ServedProject,
  group: Group | null,
): Promise<{ readonly waiting: readonly string[]; readonly degraded: readonly string[] }> {
  return (await group?.status()) ?? { waiting: served.notReady(), degraded: served.degraded() };
}
