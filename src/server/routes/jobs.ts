import type { FastifyInstance } from 'fastify';
import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../headrace.ts';
import { audited } from '../../operating/audit-log.ts';
import { objectBody } from '../body.ts';
import { callerOf } from '../caller.ts';
import { askedJob } from '../jobs/asked-job.ts';
import type { JobBoard } from '../jobs/job-board.ts';

/** Long work that a client starts, follows by its id, and may cancel: each job is in the audit log with what became of it. */
export function jobRoutes(server: FastifyInstance, headrace: Headrace, jobs: JobBoard): void {
  server.post('/v1/admin/jobs', async (request, reply) => {
    const task = askedJob(headrace, request.body);
    const entry = { who: callerOf(request.headers.authorization), what: task.kind, target: task.target };
    const work: typeof task.work = (run) => audited(headrace.directory, entry, Date.now, () => task.work(run));
    return reply
      .code(202)
      .type('application/json')
      .send(JSON.stringify(jobs.start({ ...task, work })));
  });
  server.get('/v1/admin/jobs', async (_, reply) =>
    reply.type('application/json').send(JSON.stringify({ jobs: jobs.list() })),
  );
  server.get<{ Params: { id: string }; Querystring: { after?: string } }>(
    '/v1/admin/jobs/:id',
    async (request, reply) => {
      const { after = '0' } = request.query;
      if (!/^\d{1,15}$/.test(after)) throw fail('SERVER_BODY', { reason: 'after is not the number of a line' });
      return reply.type('application/json').send(JSON.stringify(jobs.report(request.params.id, Number(after))));
    },
  );
  server.delete<{ Params: { id: string } }>('/v1/admin/jobs/:id', async (request, reply) =>
    reply.type('application/json').send(JSON.stringify(jobs.cancel(request.params.id))),
  );
  server.post('/v1/admin/flush', async (request, reply) => {
    objectBody(request.body, []);
    await headrace.flush();
    return reply.type('application/json').send('{"flushed":true}');
  });
}
