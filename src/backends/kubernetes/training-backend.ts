import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { GangSpec, GangState, RankState, TrainingBackend } from '../../ports/training-backend.ts';
import { eventListSchema, holds, type Job, jobSchema, type Pod, podListSchema, terminated } from './pod.ts';
import { PodWatch } from './pod-watch.ts';

export interface KubernetesOptions {
  /** URL of the API server, or of `kubectl proxy`. */
  readonly api: string;
  readonly namespace: string;
  /** Bearer token; null: none, as `kubectl proxy` wants it. */
  readonly token: string | null;
  /** The Job of a gang, as the API takes it; its name is the id of the gang. */
  readonly manifest: (gang: GangSpec) => unknown;
  /** The longest wait for an answer, ms. */
  readonly timeoutMs?: number;
}

/** Notes that a cancel suspended the job. */
const CANCELLED = 'headrace/cancelled';

/** Between two looks at a job that is being cancelled, ms. */
const LOOK_MS = 200;

/** Answers of a server that may take the same request later: a conflict, too many requests, its own failure. */
const isForLater = (status: number) => status === 409 || status === 429 || status >= 500;

/**
 * Gangs of one rank as Jobs of Kubernetes: the controller is the program inside. The Job replaces a pod that was disrupted, by its
 * `podFailurePolicy`; its own error ends it. Pods get signals by their end alone, so a signal cancels.
 */
export class KubernetesTrainingBackend implements TrainingBackend {
  readonly kind = 'kubernetes';
  readonly outlivesSubmitter = true;
  readonly #options: KubernetesOptions;
  readonly #watches = new Map<string, PodWatch>();
  /** Jobs that existed: one that is gone was deleted. */
  readonly #known = new Set<string>();

  constructor(options: KubernetesOptions) {
    this.#options = options;
  }

  async submit(gang: GangSpec): Promise<void> {
    const { id, ranks } = gang;
    const refuse = (reason: string, cause?: unknown) => fail('RUN_SUBMIT', { gang: id, reason }, cause);
    if (ranks.length !== 1) throw refuse('a Job of Kubernetes has one rank: the controller');
    let answer: Response;
    try {
      answer = await this.#ask('POST', this.#jobs(), this.#options.manifest(gang));
    } catch (error) {
      // A request whose answer is late, or lost, may have reached the server.
      if (await this.#exists(id)) return;
      throw refuse(reasonOf(error), error);
    }
    // 409: a second call with the id.
    if (!answer.ok && answer.status !== 409) throw refuse(await messageOf(answer));
    this.#known.add(id);
  }

  async state(id: string): Promise<GangState> {
    const job = await this.#job(id);
    if (job === null) return deletedState;
    const pods = await this.#pods(id);
    const detail = detailOf(job, pods);
    return {
      ranks: [rankOf(job, pods)],
      preempted: false,
      oomKills: pods.filter((pod) => terminated(pod)?.reason === 'OOMKilled').length,
      detail: pods[0]?.status.phase === 'Pending' ? `${detail}${await this.#warning(pods[0])}` : detail,
    };
  }

  async signal(id: string): Promise<void> {
    await this.cancel(id);
  }

  async tail(id: string, _rank: number, lines: number): Promise<readonly string[]> {
    for (const { metadata } of await this.#pods(id)) {
      const path = `${this.#core()}/pods/${metadata.name}/log?tailLines=${lines}`;
      const answer = await this.#reach(id, () => this.#ask('GET', path));
      // A pod that has not started, or was removed with its node, has no log: the previous one may have.
      const text = answer.ok ? await this.#reach(id, () => answerText(answer.body)) : '';
      const own = text.split('\n').filter((line) => line !== '');
      if (own.length > 0) return own.slice(-lines);
    }
    return [];
  }

  async cancel(id: string): Promise<void> {
    const change = { metadata: { annotations: { [CANCELLED]: 'true' } }, spec: { suspend: true } };
    for (;;) {
      const answer = await this.#reach(id, () => this.#ask('PATCH', `${this.#jobs()}/${id}`, change));
      if (answer.status === 404) return;
      // A Job that has ended cannot be suspended, and does not have to be.
      const { ranks } = await this.state(id);
      if (ranks.every(({ state }) => state !== 'running')) return;
      if (!answer.ok && !isForLater(answer.status))
        throw fail('RUN_UNREACHABLE', { gang: id, reason: await messageOf(answer) });
      await pause(LOOK_MS);
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#watches.values()) await watch.close();
  }

  #jobs(): string {
    return `/apis/batch/v1/namespaces/${this.#options.namespace}/jobs`;
  }

  #core(): string {
    return `/api/v1/namespaces/${this.#options.namespace}`;
  }

  /** Null: it was deleted. Errors: RUN_GANG, RUN_UNREACHABLE. */
  async #job(id: string): Promise<Job | null> {
    const answer = await this.#reach(id, () => this.#ask('GET', `${this.#jobs()}/${id}`));
    if (answer.status === 404 && this.#known.has(id)) return null;
    if (answer.status === 404) throw fail('RUN_GANG', { gang: id });
    const job = await this.#read(id, answer, jobSchema);
    this.#known.add(id);
    return job;
  }

  async #exists(id: string): Promise<boolean> {
    try {
      return (await this.#job(id)) !== null;
    } catch {
      return false;
    }
  }

  /** Pods of a job, also deleted ones; the newest first. */
  async #pods(id: string): Promise<readonly Pod[]> {
    const path = `${this.#core()}/pods?labelSelector=${encodeURIComponent(`job-name=${id}`)}`;
    const watch =
      this.#watches.get(id) ??
      new PodWatch({
        list: async () => {
          const answer = await this.#reach(id, () => this.#ask('GET', path));
          const { items, metadata } = await this.#read(id, answer, podListSchema);
          return { items, version: metadata.resourceVersion };
        },
        stream: (version, signal) =>
          fetch(new URL(`${path}&watch=true&allowWatchBookmarks=true&resourceVersion=${version}`, this.#options.api), {
            headers: this.#headers('GET'),
            signal,
          }),
      });
    this.#watches.set(id, watch);
    return watch.pods();
  }

  /** The newest warning of a pod that does not start, such as that no node has room. */
  async #warning({ metadata }: Pod): Promise<string> {
    const selector = encodeURIComponent(`involvedObject.name=${metadata.name}`);
    try {
      const answer = await this.#ask('GET', `${this.#core()}/events?fieldSelector=${selector}`);
      const { items } = eventListSchema.parse(await jsonOf(answer));
      const warnings = items.filter(({ type }) => type === 'Warning');
      const [newest] = warnings.toSorted((a, b) => ((a.lastTimestamp ?? '') < (b.lastTimestamp ?? '') ? 1 : -1));
      return newest === undefined ? '' : ` (${newest.reason}: ${newest.message.split('\n')[0]})`;
    } catch {
      return '';
    }
  }

  async #read<T>(id: string, answer: Response, schema: z.ZodType<T>): Promise<T> {
    const unreachable = (reason: string) => fail('RUN_UNREACHABLE', { gang: id, reason });
    if (!answer.ok) throw unreachable(await messageOf(answer));
    const parsed = schema.safeParse(await jsonOf(answer).catch(() => null));
    if (!parsed.success) throw unreachable('its answer is none of the API of Kubernetes');
    return parsed.data;
  }

  /** Error: RUN_UNREACHABLE. */
  async #reach<T>(id: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw fail('RUN_UNREACHABLE', { gang: id, reason: reasonOf(error) }, error);
    }
  }

  #ask(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<Response> {
    const { api, timeoutMs = 30_000 } = this.#options;
    return fetch(new URL(path, api), {
      method,
      headers: this.#headers(method),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  #headers(method: string): Readonly<Record<string, string>> {
    const { token } = this.#options;
    return {
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
  }
}

const deletedState: GangState = {
  ranks: [{ state: 'ended', code: null, signal: 'SIGTERM' }],
  preempted: false,
  oomKills: 0,
  detail: 'the Job was deleted',
};

function rankOf(job: Job, pods: readonly Pod[]): RankState {
  const alive = pods.filter(({ isDeleted }) => !isDeleted);
  const active = job.status.active > 0 || alive.some(({ status }) => status.phase === 'Running');
  if (holds(job.status, 'Complete')) return { state: 'ended', code: 0, signal: null };
  if (holds(job.status, 'Failed')) {
    const end = pods.map(terminated).find((one) => one !== undefined && one.exitCode !== 0);
    return { state: 'ended', code: end?.exitCode ?? 1, signal: null };
  }
  const isCancelled = job.spec.suspend && job.metadata.annotations[CANCELLED] === 'true';
  return isCancelled && !active ? { state: 'ended', code: null, signal: 'SIGTERM' } : { state: 'running' };
}

function detailOf(job: Job, pods: readonly Pod[]): string {
  const disrupted = pods.filter((pod) => holds(pod.status, 'DisruptionTarget')).length;
  const [newest] = pods;
  const failed = job.status.conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
  const waits = newest?.status.containerStatuses[0]?.state.waiting?.reason;
  const now = job.spec.suspend
    ? 'suspended'
    : failed !== undefined
      ? `failed (${failed.reason})`
      : holds(job.status, 'Complete')
        ? 'complete'
        : newest === undefined
          ? 'no pod yet'
          : `pod ${newest.metadata.name} ${newest.status.phase.toLowerCase()}${waits === undefined ? '' : ` (${waits})`}`;
  return disrupted === 0 ? now : `${now}, ${disrupted} pods disrupted`;
}

/** The message of an API `Status`. */
async function messageOf(answer: Response): Promise<string> {
  const parsed = z.object({ message: z.string() }).safeParse(await jsonOf(answer).catch(() => null));
  return `${answer.status}${parsed.success ? `: ${parsed.data.message}` : ''}`;
}

/** Throws for an answer that is no JSON, or too long. */
async function jsonOf(answer: Response): Promise<unknown> {
  return JSON.parse(await answerText(answer.body));
}
