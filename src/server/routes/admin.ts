import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../headrace.ts';
import { audited } from '../../operating/audit-log.ts';
import { objectBody } from '../body.ts';
import { callerOf } from '../caller.ts';

/** What is done to a running server, where a command would need the stores for itself; every call is audited. */
export function adminRoutes(server: FastifyInstance, headrace: Headrace): void {
  server.post('/v1/admin/forget', async (request, reply) => {
    const { entity, key } = objectBody(request.body, ['entity', 'key']);
    if (typeof entity !== 'string') throw fail('SERVER_BODY', { reason: '"entity" is not text' });
    if (typeof key !== 'object' || key === null) throw fail('SERVER_BODY', { reason: '"key" is not an object' });
    const target = `${entity} ${createHash('sha256').update(JSON.stringify(key)).digest('hex')}`;
    const entry = { who: callerOf(request.headers.authorization), what: 'forget', target };
    const report = await audited(headrace.directory, entry, Date.now, () => headrace.forget(entity, { ...key }));
    return reply.type('application/json').send(JSON.stringify(report));
  });
  server.post('/v1/admin/batch', async (request, reply) => {
    const body = objectBody(request.body, ['view', 'rollBack', 'acceptLoss']);
    const { view: name, rollBack = false, acceptLoss = false } = body;
    const views = headrace.project.views.filter((view) => view.kind === 'batchView');
    const view = views.find((one) => one.name === name);
    if (view === undefined) throw fail('VIEW_UNKNOWN', { view: String(name), known: views.map((one) => one.name) });
    if (typeof rollBack !== 'boolean') throw fail('SERVER_BODY', { reason: '"rollBack" is neither true nor false' });
    if (typeof acceptLoss !== 'boolean')
      throw fail('SERVER_BODY', { reason: '"acceptLoss" is neither true nor false' });
    const who = callerOf(request.headers.authorization);
    const entry = { who, what: rollBack ? 'roll back' : acceptLoss ? 'run, loss accepted' : 'run', target: view.name };
    const report = await audited(headrace.directory, entry, Date.now, () =>
      rollBack ? headrace.features.rollBack(view) : headrace.features.backfill(view, undefined, { acceptLoss }),
    );
    return reply.type('application/json').send(JSON.stringify({ view: view.name, ...report }));
  });
  server.post('/v1/admin/promote', async (request, reply) => {
    const { model: name, version } = objectBody(request.body, ['model', 'version']);
    const model = headrace.model(String(name));
    if (typeof version !== 'number') throw fail('SERVER_BODY', { reason: '"version" is not a number' });
    const entry = { who: callerOf(request.headers.authorization), what: 'promote', target: `${model.name} ${version}` };
    await audited(headrace.directory, entry, Date.now, () => headrace.promote(model, version));
    return reply.type('application/json').send(JSON.stringify({ model: model.name, champion: version }));
  });
}
