import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { GangSpec, GangState, RankState, TrainingBackend } from '../../ports/training-backend.ts';

/** Largest answer, bytes: a log comes whole. */
const MOST_BYTES = 256 * 2 ** 20;

export interface RayAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks the dashboard of Ray. It rejects requests that look as a browser's do (405), and `fetch` sends the fields of one, which it does
 * not let go.
 */
function askRay(method: 'GET' | 'POST', url: URL, body: unknown, timeoutMs: number): Promise<RayAnswer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const send = url.protocol === 'https:' ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const request = send(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      answerText(response, MOST_BYTES).then(
        (answer) => resolve({ status: response.statusCode ?? 0, text: answer }),
        reject,
      );
    });
    request.once('error', reject);
    request.end(text);
  });
}

export interface RayOptions {
  /** URL of the dashboard of the head node: `http://127.0.0.1:8265`. */
  readonly api: string;
  /** The request of a gang; its `submission_id` is the id of the gang. */
  readonly request: (gang: GangSpec) => unknown;
  /** The longest wait for an answer, ms. */
  readonly timeoutMs?: number;
}

const jobSchema = z.object({
  status: z.string(),
  message: z.string().nullable().default(null),
  driver_exit_code: z.int().nullable().default(null),
});

/** Whether a line is one that Ray adds to the output of an entry point. */
function isOfRay(line: string): boolean {
  return line.includes('\tINFO job_manager.py:') || line.startsWith('Running entrypoint for job ');
}

/** Between two looks at a job that is being cancelled, ms. */
const LOOK_MS = 200;

/** Gangs of one rank as jobs of Ray: the controller is the entry point. Ray starts it once; a job whose node is gone is lost. */
export class RayTrainingBackend implements TrainingBackend {
  readonly kind = 'ray';
  readonly outlivesSubmitter = true;
  readonly #options: RayOptions;

  constructor(options: RayOptions) {
    this.#options = options;
  }

  async submit(gang: GangSpec): Promise<void> {
    const { id, ranks } = gang;
    const refuse = (reason: string, cause?: unknown) => fail('RUN_SUBMIT', { gang: id, reason }, cause);
    if (ranks.length !== 1) throw refuse('a job of Ray has one rank: the controller');
    try {
      if ((await this.#ask('GET', `/api/jobs/${id}`)).status === 200) return;
      const { status, text } = await this.#ask('POST', '/api/jobs/', this.#options.request(gang));
      if (status !== 200) throw new Error(`${status}: ${text.slice(-500)}`);
    } catch (error) {
      throw refuse(reasonOf(error), error);
    }
  }

  async state(id: string): Promise<GangState> {
    const answer = await this.#reach(id, () => this.#ask('GET', `/api/jobs/${id}`));
    if (answer.status === 404) throw fail('RUN_GANG', { gang: id });
    const parsed = jobSchema.safeParse(jsonOf(answer));
    if (!parsed.success) throw fail('RUN_UNREACHABLE', { gang: id, reason: `it answers ${answer.status}` });
    const { status, message } = parsed.data;
    const detail = message === null ? status.toLowerCase() : `${status.toLowerCase()}: ${message.split('\n')[0]}`;
    return { ranks: [rankOf(parsed.data)], preempted: false, oomKills: 0, detail };
  }

  /** Ray knows one way to end a job: SIGTERM, and SIGKILL after its time. */
  async signal(id: string): Promise<void> {
    await this.#reach(id, () => this.#ask('POST', `/api/jobs/${id}/stop`));
  }

  async tail(id: string, _rank: number, lines: number): Promise<readonly string[]> {
    const answer = await this.#reach(id, () => this.#ask('GET', `/api/jobs/${id}/logs`));
    const parsed = z.object({ logs: z.string() }).safeParse(jsonOf(answer));
    if (!parsed.success) return [];
    return parsed.data.logs
      .split('\n')
      .filter((line) => line !== '' && !isOfRay(line))
      .slice(-lines);
  }

  async cancel(id: string): Promise<void> {
    for (;;) {
      const answer = await this.#reach(id, () => this.#ask('POST', `/api/jobs/${id}/stop`));
      if (answer.status === 404) return;
      if ((await this.state(id)).ranks.every(({ state }) => state !== 'running')) return;
      await pause(LOOK_MS);
    }
  }

  async close(): Promise<void> {}

  async #reach(id: string, ask: () => Promise<RayAnswer>): Promise<RayAnswer> {
    try {
      return await ask();
    } catch (error) {
      throw fail('RUN_UNREACHABLE', { gang: id, reason: reasonOf(error) }, error);
    }
  }

  #ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<RayAnswer> {
    const { api, timeoutMs = 30_000 } = this.#options;
    return askRay(method, new URL(path, api), body, timeoutMs);
  }
}

/** Null: it is an error, or not JSON. */
function jsonOf({ status, text }: RayAnswer): unknown {
  try {
    return status === 200 ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function rankOf({ status, message, driver_exit_code: code }: z.output<typeof jobSchema>): RankState {
  if (status === 'SUCCEEDED') return { state: 'ended', code: 0, signal: null };
  if (status === 'STOPPED') return { state: 'ended', code: null, signal: 'SIGTERM' };
  if (status !== 'FAILED') return { state: 'running' };
  // Without an exit code the driver did not end: its node or supervisor is gone.
  if (code === null && !/exit code|exited with/i.test(message ?? '')) return { state: 'lost' };
  return {
    state: 'ended',
    code: code ?? Number(/(?:exit code|code) (\d+)/i.exec(message ?? '')?.[1] ?? 1),
    signal: null,
  };
}
