import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { GangSpec, GangState, RankState, TrainingBackend } from '../../ports/training-backend.ts';

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

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});

const jobSchema = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.object({ suspend: z.boolean().default(false) }),
  status: z
    .object({
      active: z.int().default(0),
      failed: z.int().default(0),
      conditions: z.array(conditionSchema).default([]),
    })
    .prefault({}),
});

const podSchema = z.object({
  metadata: z.object({ name: z.string(), creationTimestamp: z.string().default('') }),
  status: z.object({
    phase: z.string().default('Unknown'),
    conditions: z.array(conditionSchema).default([]),
    containerStatuses: z
      .array(
        z.object({
          state: z.object({
            terminated: z
              .object({ exitCode: z.int(), signal: z.int().optional(), reason: z.string().default('') })
              .optional(),
            waiting: z.object({ reason: z.string().default('') }).optional(),
          }),
        }),
      )
      .default([]),
  }),
});

type Job = z.output<typeof jobSchema>;
type Pod = z.output<typeof podSchema>;

/** Notes that a cancel suspended the job. */
const CANCELLED = 'headrace/cancelled';

/** Between two looks at a job that is being cancelled, ms. */
const LOOK_MS = 200;

/**
 * Gangs of one rank as Jobs of Kubernetes: the controller is the program inside. The Job replaces a pod that was disrupted, by its
 * `podFailurePolicy`; its own error ends it. Pods get signals by their end alone, so a signal cancels.
 */
export class KubernetesTrainingBackend implements TrainingBackend {
  readonly kind = 'kubernetes';
  readonly outlivesSubmitter = true;
  readonly #options: KubernetesOptions;

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
      throw refuse(reasonOf(error), error);
    }
    // 409: a second call with the id.
    if (!answer.ok && answer.status !== 409) throw refuse(await messageOf(answer));
  }

  async state(id: string): Promise<GangState> {
    const job = await this.#job(id);
    const pods = await this.#pods(id);
    return {
      ranks: [rankOf(job, pods)],
      preempted: false,
      oomKills: pods.filter((pod) => terminated(pod)?.reason === 'OOMKilled').length,
      detail: detailOf(job, pods),
    };
  }

  async signal(id: string): Promise<void> {
    await this.cancel(id);
  }

  async tail(id: string, _rank: number, lines: number): Promise<readonly string[]> {
    const [pod] = await this.#pods(id);
    if (pod === undefined) return [];
    const path = `/api/v1/namespaces/${this.#options.namespace}/pods/${pod.metadata.name}/log?tailLines=${lines}`;
    const answer = await this.#reach(id, () => this.#ask('GET', path));
    // A pod that has not started, or was removed with its node, has no log.
    if (!answer.ok) return [];
    return (await answer.text())
      .split('\n')
      .filter((line) => line !== '')
      .slice(-lines);
  }

  async cancel(id: string): Promise<void> {
    const change = { metadata: { annotations: { [CANCELLED]: 'true' } }, spec: { suspend: true } };
    const answer = await this.#reach(id, () => this.#ask('PATCH', `${this.#jobs()}/${id}`, change));
    if (answer.status === 404) return;
    // A Job that has ended cannot be suspended, and does not have to be.
    while ((await this.state(id)).ranks.some(({ state }) => state === 'running')) await pause(LOOK_MS);
  }

  async close(): Promise<void> {}

  #jobs(): string {
    return `/apis/batch/v1/namespaces/${this.#options.namespace}/jobs`;
  }

  async #job(id: string): Promise<Job> {
    const answer = await this.#reach(id, () => this.#ask('GET', `${this.#jobs()}/${id}`));
    if (answer.status === 404) throw fail('RUN_GANG', { gang: id });
    return this.#read(id, answer, jobSchema);
  }

  /** Pods of a job, the newest first. */
  async #pods(id: string): Promise<readonly Pod[]> {
    const path = `/api/v1/namespaces/${this.#options.namespace}/pods?labelSelector=${encodeURIComponent(`job-name=${id}`)}`;
    const answer = await this.#reach(id, () => this.#ask('GET', path));
    const { items } = await this.#read(id, answer, z.object({ items: z.array(podSchema) }));
    return items.toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1));
  }

  async #read<T>(id: string, answer: Response, schema: z.ZodType<T>): Promise<T> {
    const unreachable = (reason: string) => fail('RUN_UNREACHABLE', { gang: id, reason });
    if (!answer.ok) throw unreachable(await messageOf(answer));
    const parsed = schema.safeParse(await answer.json().catch(() => null));
    if (!parsed.success) throw unreachable('its answer is none of the API of Kubernetes');
    return parsed.data;
  }

  /** Error: RUN_UNREACHABLE. */
  async #reach(id: string, ask: () => Promise<Response>): Promise<Response> {
    try {
      return await ask();
    } catch (error) {
      throw fail('RUN_UNREACHABLE', { gang: id, reason: reasonOf(error) }, error);
    }
  }

  #ask(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<Response> {
    const { api, token, timeoutMs = 30_000 } = this.#options;
    return fetch(new URL(path, api), {
      method,
      headers: {
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  }
}

function holds({ conditions }: { conditions: readonly z.output<typeof conditionSchema>[] }, type: string): boolean {
  return conditions.some((one) => one.type === type && one.status === 'True');
}

function terminated({ status }: Pod) {
  return status.containerStatuses[0]?.state.terminated;
}

function rankOf(job: Job, pods: readonly Pod[]): RankState {
  const active = job.status.active > 0 || pods.some(({ status }) => status.phase === 'Running');
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
  const parsed = z.object({ message: z.string() }).safeParse(await answer.json().catch(() => null));
  return `${answer.status}${parsed.success ? `: ${parsed.data.message}` : ''}`;
}
