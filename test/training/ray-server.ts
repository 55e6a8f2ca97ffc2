import { killStart, type Start, serveJson, startProgram } from './container-server.ts';

interface Request {
  readonly submission_id: string;
  readonly entrypoint: string;
  readonly runtime_env?: { readonly env_vars?: Record<string, string> };
}

/** Lines that Ray puts before the output. */
const ADDED =
  '2026-11-28 01:54:13,635\tINFO job_manager.py:581 -- Runtime env is setting up.\nRunning entrypoint for job x: y\n';

/** The job API of a head node of Ray, whose entry points are processes of this machine. */
export async function rayServer() {
  const jobs = new Map<string, { readonly start: Start; stopped: boolean; lost: boolean }>();
  const server = await serveJson((method, url, body, headers) => {
    // As the dashboard of Ray 2.60 does: the fields are those of a browser, and of fetch.
    if (method !== 'GET' && 'sec-fetch-mode' in headers) return [405, 'method not allowed for browser traffic.'];
    const [, id = '', rest = ''] = /\/api\/jobs\/([^/]*)(.*)$/.exec(url.pathname) ?? [];
    if (method === 'POST' && id === '') {
      const { submission_id: name, entrypoint, runtime_env: environment } = body as Request;
      const start = startProgram(['/bin/sh', '-c', entrypoint], environment?.env_vars ?? {}, () => undefined);
      jobs.set(name, { start, stopped: false, lost: false });
      return [200, { job_id: name, submission_id: name }];
    }
    const job = jobs.get(id);
    if (job === undefined) return [404, 'Job does not exist'];
    if (rest === '/logs') return [200, { logs: `${ADDED}${job.start.output.join('')}` }];
    if (rest === '/stop') {
      job.stopped ||= job.start.ended === null;
      killStart(job.start, 'SIGTERM');
      return [200, { stopped: job.stopped }];
    }
    const { ended } = job.start;
    if (ended === null)
      return [200, { status: 'RUNNING', message: 'Job is currently running.', driver_exit_code: null }];
    if (job.lost)
      return [
        200,
        { status: 'FAILED', message: 'Job supervisor actor died: its node has died.', driver_exit_code: null },
      ];
    if (job.stopped)
      return [200, { status: 'STOPPED', message: 'Job was intentionally stopped.', driver_exit_code: null }];
    if (ended.code === 0)
      return [200, { status: 'SUCCEEDED', message: 'Job finished successfully.', driver_exit_code: 0 }];
    const message = `Job entrypoint command failed with exit code ${ended.code}`;
    return [200, { status: 'FAILED', message, driver_exit_code: ended.code }];
  });
  return {
    url: server.url,
    /** Takes the node of a job away. */
    lose(id: string): void {
      const job = jobs.get(id);
      if (job === undefined) return;
      job.lost = true;
      killStart(job.start, 'SIGKILL');
    },
    close(): void {
      for (const { start } of jobs.values()) killStart(start, 'SIGKILL');
      server.close();
    },
  };
}
