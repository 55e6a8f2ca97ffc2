import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import { type Answer, call, Refusal } from './rest.ts';
import { type Secrets, withoutSecrets, withSecrets } from './secrets.ts';

/** A table whose connector Flink does not find. */
const NO_CONNECTOR = /Could not find any factory for identifier '([\w-]+)'/;

/** Where a validation failed, as Calcite says it. */
const AT_LINE = /(?:line |at line )(\d+), column \d+/i;

/** The statement that creates or fills a table of a view or a source. */
const TABLE = /^(?:CREATE TEMPORARY (?:TABLE|VIEW)|INSERT INTO) `([^`]+)`/;

/** The error of a statement that Flink refuses: of which table, and of which line. */
export function refusedStatement(statement: string, reason: string): Error {
  const connector = NO_CONNECTOR.exec(reason)?.[1];
  if (connector !== undefined) return fail('FLINK_CONNECTOR', { connector }, new Error(reason));
  const lines = statement.split('\n');
  const line = Number(AT_LINE.exec(reason)?.[1] ?? 0);
  const until = line === 0 ? lines.length : line;
  const tables = lines.slice(0, until).flatMap((text) => TABLE.exec(text)?.[1] ?? []);
  const table = (line === 0 ? tables[0] : tables.at(-1)) ?? 'the session';
  const text = (lines[line - 1] ?? lines[0] ?? '').trim().slice(0, 160);
  return fail('FLINK_SQL', { table, line: Math.max(1, line), text, reason }, new Error(statement));
}

/** An answer of the gateway is asked for again after this while it is not ready, ms. */
const POLL_MS = 50;

/** The result of a statement: the job that it started, if any, and its rows. */
export interface StatementResult {
  readonly jobId: string | null;
  readonly rows: readonly (readonly unknown[])[];
}

/** A session of a SQL gateway: only its statements see objects created in it. Jobs keep running when it is closed. */
export class GatewaySession {
  readonly #url: string;
  readonly #session: string;
  readonly #timeoutMs: number;
  readonly #secrets: Secrets;

  private constructor(url: string, session: string, timeoutMs: number, secrets: Secrets) {
    this.#url = url;
    this.#session = session;
    this.#timeoutMs = timeoutMs;
    this.#secrets = secrets;
  }

  /** `properties` are the options of every job that the session starts; `secrets` come into the places of statements. Error: FLINK_UNREACHABLE. */
  static async open(
    url: string,
    properties: Readonly<Record<string, string>>,
    timeoutMs: number,
    secrets: Secrets = {},
  ): Promise<GatewaySession> {
    const answer = await call(url, 'POST', '/v2/sessions', timeoutMs, { properties });
    return new GatewaySession(url, textOf(answer, 'sessionHandle'), timeoutMs, secrets);
  }

  /** Runs one statement to its end, or to the submission of its job. Errors: FLINK_SQL, FLINK_CONNECTOR, FLINK_UNREACHABLE. */
  async run(statement: string): Promise<StatementResult> {
    const path = `/v2/sessions/${this.#session}`;
    const sent = withSecrets(statement, this.#secrets);
    const started = await this.#call('POST', `${path}/statements`, { statement: sent });
    const operation = `${path}/operations/${textOf(started, 'operationHandle')}`;
    try {
      return await this.#results(`${operation}/result/0?rowFormat=JSON`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw refusedStatement(statement, withoutSecrets(error.message, this.#secrets));
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

function rowsOf(answer: Answer): readonly unknown[][] {
  const results = answer['results'];
  if (typeof results !== 'object' || results === null || !('data' in results) || !Array.isArray(results.data))
    return [];
  return results.data.map((row: { readonly fields?: unknown[] }) => row.fields ?? []);
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
