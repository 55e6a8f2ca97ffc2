import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import type { JobFailure, RestorePoint } from '../../ports/tile-jobs.ts';
import { type Answer, call, innermostCause, Refusal } from './rest.ts';

/** A job as the cluster has it. */
export interface ClusterJob {
  readonly id: string;
  readonly name: string;
  /** As Flink says it: RUNNING, RESTARTING, FAILED, FINISHED, CANCELED … */
  readonly state: string;
}

/** States in which a job has left the cluster, or does not continue by itself. */
const ENDED: ReadonlySet<string> = new Set(['FAILED', 'FINISHED', 'CANCELED', 'SUSPENDED']);

/** Whether a job in this state runs, starts or restarts. */
export function isAlive({ state }: ClusterJob): boolean {
  return !ENDED.has(state);
}

/** Whether the cluster answers queries about a job in this state. */
export function isBegun({ state }: ClusterJob): boolean {
  return state !== 'INITIALIZING';
}

const POLL_MS = 200;

/** The REST interface of a cluster's job manager. Errors of all calls: FLINK_UNREACHABLE, FLINK_REFUSED. */
export class FlinkCluster {
  readonly url: string;
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs: number) {
    this.url = url;
    this.#timeoutMs = timeoutMs;
  }

  /** Such as `2.3.0`. */
  async version(): Promise<string> {
    return String((await this.#call('GET', '/config'))['flink-version']);
  }

  /** Where checkpoints of a job are written; null where the cluster does not say. */
  async checkpointsOf(jobId: string): Promise<string | null> {
    const settings = await this.#list('/jobmanager/config');
    const directory = settings.find(
      ({ key }) => key === 'execution.checkpointing.dir' || key === 'state.checkpoints.dir',
    );
    return directory === undefined ? null : `${String(directory['value']).replace(/\/$/, '')}/${jobId}`;
  }

  async jobs(): Promise<readonly ClusterJob[]> {
    const { jobs } = await this.#call('GET', '/jobs/overview');
    return listOf(jobs).map((job) => ({
      id: String(job['jid']),
      name: String(job['name']),
      state: String(job['state']),
    }));
  }

  /** The newest completed checkpoint; null before the first. */
  async newestCheckpoint(jobId: string): Promise<RestorePoint | null> {
    const { latest } = await this.#call('GET', `/jobs/${jobId}/checkpoints`);
    const completed = objectOf(objectOf(latest)?.['completed']);
    if (completed === null || typeof completed['external_path'] !== 'string') return null;
    return { path: completed['external_path'], at: Number(completed['latest_ack_timestamp']) };
  }

  /** The failures, newest first. */
  async failures(jobId: string): Promise<readonly JobFailure[]> {
    const answer = await this.#call('GET', `/jobs/${jobId}/exceptions`);
    return listOf(objectOf(answer['exceptionHistory'])?.['entries']).map((entry) => ({
      at: Number(entry['timestamp']),
      task: typeof entry['taskName'] === 'string' ? entry['taskName'] : null,
      reason: innermostCause(String(entry['stacktrace'] ?? entry['exceptionName'])),
    }));
  }

  /** Ends a job with a savepoint, and gives where that is once it is written and the job is gone. Error: FLINK_SAVEPOINT. */
  async stop(jobId: string, now: number): Promise<RestorePoint> {
    const asked = await this.#call('POST', `/jobs/${jobId}/stop`, { drain: false });
    for (;;) {
      const answer = await this.#call('GET', `/jobs/${jobId}/savepoints/${String(asked['request-id'])}`);
      if (objectOf(answer['status'])?.['id'] === 'COMPLETED') {
        const { location, 'failure-cause': cause } = objectOf(answer['operation']) ?? {};
        if (typeof location === 'string') return { path: location, at: now };
        throw fail('FLINK_SAVEPOINT', { job: jobId, reason: innermostCause(String(objectOf(cause)?.['stack-trace'])) });
      }
      await sleep(POLL_MS);
    }
  }

  async cancel(jobId: string): Promise<void> {
    await this.#call('PATCH', `/jobs/${jobId}?mode=cancel`);
  }

  /** Deletes the files of a checkpoint or savepoint that no job will resume from. */
  async dispose(path: string): Promise<void> {
    await this.#call('POST', '/savepoint-disposal', { 'savepoint-path': path });
  }

  async #list(path: string): Promise<readonly Answer[]> {
    return listOf(await this.#call('GET', path));
  }

  async #call(method: string, path: string, body?: unknown): Promise<Answer> {
    try {
      return await call(this.url, method, path, this.#timeoutMs, body);
    } catch (error) {
      throw error instanceof Refusal ? fail('FLINK_REFUSED', { url: this.url, reason: error.message }, error) : error;
    }
  }
}

function listOf(value: unknown): readonly Answer[] {
  return Array.isArray(value) ? (value as readonly Answer[]) : [];
}

function objectOf(value: unknown): Answer | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer) : null;
}
