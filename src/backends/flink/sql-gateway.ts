import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import { parseJsonExact } from '../../schema/json-exact.ts';

/** An answer of the gateway is asked for again after this while it is not ready, ms. */
const POLL_MS = 50;

/** What a statement gave: the job that it started, if any, and its rows. */
export interface StatementResult {
  readonly jobId: string | null;
  readonly rows: readonly (readonly unknown[])[];
}

/** A session of a SQL gateway: what is created in it is seen by its statements only. Jobs go on when it is closed. */
export class GatewaySession {
  readonly #url: string;
  readonly #session: string;
  readonly #timeoutMs: number;

  private constructor(url: string, session: string, timeoutMs: number) {
    this.#url = url;
    this.#session = session;
    this.#timeoutMs = timeoutMs;
  }

  /** `properties` are the options of every job that the session starts. Error: FLINK_UNREACHABLE. */
  static async open(
    url: string,
    properties: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<GatewaySession> {
    const answer = await call(url, 'POST', '/v2/sessions', timeoutMs, { properties });
    return new GatewaySession(url, textOf(answer, 'sessionHandle'), timeoutMs);
  }

  /** Runs one statement to its end, or to the submission of its job. Errors: FLINK_SQL, FLINK_UNREACHABLE. */
  async run(statement: string): Promise<StatementResult> {
    const path = `/v2/sessions/${this.#session}`;
    const started = await this.#call('POST', `${path}/statements`, { statement });
    const operation = `${path}/operations/${textOf(started, 'operationHandle')}`;
    try {
      return await this.#results(`${operation}/result/0?rowFormat=JSON`);
    } catch (error) {
      if (error instanceof Refusal) throw fail('FLINK_SQL', { reason: error.message }, new Error(statement));
      throw error;
    } finally {
      await this.#call('DELETE', `${operation}/close`).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#call('DELETE', `/v2/sessions/${this.#session}`).catch(() => undefined);
  }

  async #results(first: string): Promise<StatementResult> {
    const rows: unknown[][] = [];
    let jobId: string | null = null;
    for (let next: string | null = first; next !== null; ) {
      const answer = await this.#call('GET', next);
      if (answer['resultType'] === 'NOT_READY') {
        await sleep(POLL_MS);
        continue;
      }
      if (typeof answer['jobID'] === 'string') jobId = answer['jobID'];
      rows.push(...rowsOf(answer));
      next = answer['resultType'] === 'EOS' ? null : optionalText(answer, 'nextResultUri');
    }
    return { jobId, rows };
  }

  #call(method: string, path: string, body?: unknown): Promise<Answer> {
    return call(this.#url, method, path, this.#timeoutMs, body);
  }
}

type Answer = Readonly<Record<string, unknown>>;

/** What the gateway answers to a statement that cannot run. */
class Refusal extends Error {}

async function call(url: string, method: string, path: string, timeoutMs: number, body?: unknown): Promise<Answer> {
  const answer = await ask(url, method, path, timeoutMs, body);
  const parsed = objectOf(answer.text);
  if (answer.ok && parsed !== null) return parsed;
  throw new Refusal(lastCause(parsed, answer.text));
}

async function ask(
  url: string,
  method: string,
  path: string,
  timeoutMs: number,
  body: unknown,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    const answer = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { ok: answer.ok, text: await answer.text() };
  } catch (error) {
    const reason =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : error;
    throw fail('FLINK_UNREACHABLE', { url, reason: String(reason) }, error);
  }
}

/** Of the errors of an answer, whose texts are stack traces, the innermost. */
function lastCause(answer: Answer | null, text: string): string {
  const errors = answer?.['errors'];
  const trace = Array.isArray(errors) ? errors.join('\n') : text;
  const causes = [...trace.matchAll(/^(?:Caused by: )?(?:[\w$]+\.)+[\w$]+(?:Exception|Error): (.*)$/gm)];
  return (causes.at(-1)?.[1] ?? trace).slice(0, 500);
}

function rowsOf(answer: Answer): readonly unknown[][] {
  const results = answer['results'];
  if (typeof results !== 'object' || results === null || !('data' in results) || !Array.isArray(results.data))
    return [];
  return results.data.map((row: { readonly fields?: unknown[] }) => row.fields ?? []);
}

function objectOf(text: string): Answer | null {
  try {
    const value = parseJsonExact(text);
    return typeof value === 'object' && value !== null ? (value as Answer) : null;
  } catch {
    return null;
  }
}

function textOf(answer: Answer, name: string): string {
  const value = answer[name];
  if (typeof value !== 'string') throw new Refusal(`the gateway's answer has no ${name}`);
  return value;
}

function optionalText(answer: Answer, name: string): string | null {
  const value = answer[name];
  return typeof value === 'string' ? value : null;
}
