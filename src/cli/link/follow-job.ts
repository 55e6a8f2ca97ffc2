import { setTimeout as wait } from 'node:timers/promises';
import { describedError, fail } from '../../base/errors/fail.ts';
import type { JobReport } from '../../server/jobs/job-board.ts';
import type { Call } from '../command.ts';
import type { ServerLink } from './server-link.ts';

/** Time between two looks at a job, ms. */
const LOOK_EVERY_MS = 200;

/**
 * Starts a job on a server, prints its progress, and gives its result. When the call is asked to stop it cancels the job, and ends when
 * that has ended. Errors: JOB_CANCELLED, those of the job and of the server.
 */
export async function followJob(
  { terminal }: Pick<Call, 'terminal'>,
  server: ServerLink,
  asked: object,
): Promise<unknown> {
  const report = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
    JSON.parse(await server.ask(method, path, body)) as JobReport;
  const started = await report('POST', '/v1/admin/jobs', asked);
  const path = `/v1/admin/jobs/${started.id}`;
  terminal.err(`headrace: job ${started.id} on ${server.name}; Ctrl-C cancels it`);
  let stops = false;
  const stopped = terminal.stopped.then(() => {
    stops = true;
  });
  let [seen, isCancelled] = [0, false];
  for (;;) {
    const { lines, next, state, result, error } = await report('GET', `${path}?after=${seen}`);
    seen = next;
    for (const line of lines) terminal.err(`headrace: ${line}`);
    if (state === 'done') return result;
    if (state === 'cancelled') throw fail('JOB_CANCELLED', { job: started.id });
    if (state === 'failed') throw describedError(error?.code ?? '', error?.message ?? '') ?? new Error(error?.message);
    if (stops && !isCancelled) {
      isCancelled = true;
      await report('DELETE', path);
    }
    await (stops ? wait(LOOK_EVERY_MS) : Promise.race([wait(LOOK_EVERY_MS), stopped]));
  }
}
