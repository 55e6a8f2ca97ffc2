import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import type { GangSpec, GangState, TrainingBackend } from '../../ports/training-backend.ts';
import { runSky } from './sky-command.ts';
import { detailOf, lastStep, logLines, parseQueue, programLines, rankOf, type SkyJob, waits } from './sky-job.ts';

export interface SkypilotOptions {
  /** Folder of the task files that are submitted. */
  readonly folder: string;
  /** The task of a gang, as YAML. */
  readonly task: (gang: GangSpec) => string;
  /** The command; default: `sky` of the search path. */
  readonly program?: string;
  /** Seconds that a cancel waits for uploads of checkpoints to a bucket. */
  readonly graceSeconds: number;
  /** The longest wait for an answer, ms. A launch takes as long as the server needs to take the job. */
  readonly timeoutMs?: number;
}

/** Lines of a log that each look at a job reads. */
const LOG_LINES = 200;

/** Between two looks at a job that is being cancelled, ms. */
const LOOK_MS = 500;

/** Names of managed jobs. */
const ID = /^[a-zA-Z]([-_.a-zA-Z0-9]{0,118}[a-zA-Z0-9])?$/;

/**
 * Gangs of one rank as managed jobs of SkyPilot, by its command `sky jobs`: the controller is the program inside. The name of a job
 * is the id of its gang. A job has no signal but its cancel, which waits for uploads of checkpoints.
 */
export class SkypilotTrainingBackend implements TrainingBackend {
  readonly kind = 'skypilot';
  readonly outlivesSubmitter = true;
  readonly #options: SkypilotOptions;

  constructor(options: SkypilotOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  async submit(gang: GangSpec): Promise<void> {
    const { id, ranks } = gang;
    const refuse = (reason: string) => fail('RUN_SUBMIT', { gang: id, reason });
    if (ranks.length !== 1) throw refuse('a managed job of SkyPilot has one rank: the controller');
    if (!ID.test(id)) throw refuse('SkyPilot takes letters, digits, ".", "_" and "-", and a letter first');
    if ((await this.#find(id, refuse)) !== null) return;
    const file = this.#file(id);
    writeFileSync(file, this.#options.task(gang), { mode: 0o600 });
    const { code, reason } = await this.#sky(['launch', '--yes', '--detach-run', '--name', id, file]);
    if (code === 0) return;
    // A launch whose answer is late, or lost, may have reached the server.
    if (code === null && (await this.#find(id, refuse).catch(() => null)) !== null) return;
    rmSync(file, { force: true });
    throw refuse(reason);
  }

  async state(id: string): Promise<GangState> {
    const job = await this.#find(id, unreachable(id));
    if (job === null) return this.#forgotten(id);
    const log = await this.#log(job);
    const step = lastStep(programLines(log));
    return {
      ranks: [rankOf(job, log)],
      preempted: false,
      oomKills: 0,
      detail: detailOf(job),
      waits: waits(job),
      ...(step === null ? {} : { step }),
      ...(job.job_duration === null ? {} : { billedSeconds: job.job_duration }),
    };
  }

  async signal(id: string): Promise<void> {
    const job = await this.#find(id, unreachable(id));
    if (job !== null && rankOf(job, []).state === 'running' && job.status !== 'CANCELLING') await this.#cancel(job);
  }

  async tail(id: string, _rank: number, lines: number): Promise<readonly string[]> {
    const job = await this.#find(id, unreachable(id));
    if (job === null) return [];
    const log = await this.#log(job, lines + LOG_LINES);
    const own = programLines(log);
    // Before the program runs, the set-up and SkyPilot itself say why it does not.
    return own.length > 0 ? own.slice(-lines) : [...log, ...(job.failure_reason?.split('\n') ?? [])].slice(-lines);
  }

  async cancel(id: string): Promise<void> {
    for (;;) {
      const job = await this.#find(id, unreachable(id));
      if (job === null || rankOf(job, []).state !== 'running') return;
      if (job.status !== 'CANCELLING') await this.#cancel(job);
      await pause(LOOK_MS);
    }
  }

  async close(): Promise<void> {}

  /** A job that was submitted and is not in the queue any longer is lost. */
  #forgotten(id: string): GangState {
    if (!existsSync(this.#file(id))) throw fail('RUN_GANG', { gang: id });
    return { ranks: [{ state: 'lost' }], preempted: false, oomKills: 0, detail: 'the job is not known any longer' };
  }

  #file(id: string): string {
    return join(this.#options.folder, `${id}.sky.yaml`);
  }

  async #cancel({ job_id: job }: SkyJob): Promise<void> {
    const grace = ['--graceful', '--graceful-timeout', String(this.#options.graceSeconds)];
    await this.#sky(['cancel', '--yes', ...grace, String(job)]);
  }

  /** The newest job of a name; null: there is none. */
  async #find(id: string, refuse: (reason: string) => Error): Promise<SkyJob | null> {
    const { code, stdout, reason } = await this.#sky(['queue', '--verbose', '--all', '--output', 'json']);
    if (code !== 0) throw refuse(reason);
    const jobs = parseQueue(stdout);
    if (jobs === null) throw refuse('its queue is no JSON');
    return jobs.filter((job) => job.job_name === id).toSorted((a, b) => b.job_id - a.job_id)[0] ?? null;
  }

  /** The end of a log; none where it cannot be read. Its exit code is that of the job. */
  async #log({ job_id: job }: SkyJob, lines = LOG_LINES): Promise<readonly string[]> {
    const { code, stdout } = await this.#sky(['logs', '--no-follow', '--tail', String(lines), String(job)]);
    return code === null ? [] : logLines(stdout);
  }

  #sky(args: readonly string[]) {
    const { program = 'sky', timeoutMs = 300_000 } = this.#options;
    return runSky(program, ['jobs', ...args], timeoutMs);
  }
}

function unreachable(gang: string) {
  return (reason: string) => fail('RUN_UNREACHABLE', { gang, reason });
}
