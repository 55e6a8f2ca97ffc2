import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../headrace.ts';
import { audited } from '../../operating/audit-log.ts';
import { objectBody } from '../body.ts';

/** `POST /v1/admin/forget` with `{entity, key}`: forgets an entity while the server serves; every call is audited. */
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
}

/** The id in a key's text, which the check has found valid; a caller on this machine needs none. */
function callerOf(authorization: string | undefined): string {
  const [, id] = /^Bearer +hr_([0-9a-f]+)_/i.exec(authorization ?? '') ?? [];
  return id === undefined ? 'this machine' : `key ${id}`;
}
