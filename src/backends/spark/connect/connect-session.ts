import { randomUUID } from 'node:crypto';
import { fail } from '../../../base/errors/fail.ts';
import type { JobFailure } from '../failures.ts';
import { SESSION_SETTINGS } from '../submit.ts';
import { type ConnectLink, isFailedCall } from './link.ts';
import { pairs } from './plans.ts';
import { bytesIn, decode, type Fields, type Message, messagesIn, numberIn, textIn } from './protobuf.ts';

/** The error of a failed command. */
export type CommandFailure = Pick<JobFailure, 'condition' | 'sqlState' | 'message' | 'cause'>;

/** How far a command is. */
export interface Progress {
  readonly tasks: number;
  readonly done: number;
  readonly bytes: number;
}

/** The field of the last answer of a command. */
const RESULT_COMPLETE = 14;

/** Statuses of gRPC of who is not let in. */
const DENIED: readonly number[] = [7, 16];
/** Its status of everything that Spark itself says; the client says it of an answer that is cut off. */
const INTERNAL = 13;

/** The server no longer knows the session: it restarted, or has ended the session. */
const FORGOTTEN = /\[INVALID_HANDLE\./;

/**
 * A session of a Connect server: its settings and views, and commands one after the other. Each answer is checked for the
 * session: a restarted server would start another, without the settings.
 */
export class ConnectSession {
  readonly #link: ConnectLink;
  readonly #head: Fields = [
    [1, randomUUID()],
    [2, [[1, CLIENT]]],
  ];
  #serverSide: string | null = null;

  private constructor(link: ConnectLink) {
    this.#link = link;
  }

  /** Begins a session with its settings. Errors: SPARK_UNREACHABLE, SPARK_TOKEN, SPARK_SETTING. */
  static async begin(link: ConnectLink, conf: Readonly<Record<string, string>>): Promise<ConnectSession> {
    const session = new ConnectSession(link);
    try {
      await session.#configure({ ...conf, ...SESSION_SETTINGS });
      return session;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /** Error: SPARK_UNREACHABLE. */
  async sparkVersion(): Promise<string> {
    const answer = await this.#asked('AnalyzePlan', [...this.#named(17), [3, CLIENT], [10, []]]);
    const [version] = messagesIn(answer, 8);
    return (version === undefined ? null : textIn(version, 1)) ?? 'of no version';
  }

  /** The type of a relation's rows, as the protocol encodes it; or its error. Errors: SPARK_UNREACHABLE, SPARK_TOKEN. */
  async schemaOf(relation: Fields): Promise<Buffer | CommandFailure> {
    try {
      const plan: Fields = [[1, [[1, relation]]]];
      const answer = await this.#link.ask('AnalyzePlan', [...this.#named(17), [3, CLIENT], [4, plan]]);
      const [schema] = messagesIn(answer, 2);
      return (schema === undefined ? null : bytesIn(schema, 1)) ?? Buffer.alloc(0);
    } catch (error) {
      const failure = await this.#failureOf(error);
      if (failure === null) throw callError(this.#link.address, error);
      return failure;
    }
  }

  /**
   * Runs a command; returns its error, or null. The server ends a stream of answers from time to time while the command runs; the
   * next stream continues it. The server stops commands that nobody reads, as of a killed process. Errors: SPARK_UNREACHABLE, SPARK_TOKEN.
   */
  async run(command: Fields, onProgress: (progress: Progress) => void): Promise<CommandFailure | null> {
    const operation = randomUUID();
    let stream = this.#link.answers('ExecutePlan', [
      ...this.#named(8),
      [3, [[2, command]]],
      [4, CLIENT],
      [5, [[1, [[1, 1]]]]],
      [6, operation],
    ]);
    try {
      for (let last = ''; ; ) {
        for await (const answer of stream) {
          for (const progress of messagesIn(answer, 18)) onProgress(progressOf(progress));
          if (answer.has(RESULT_COMPLETE)) return null;
          last = textIn(answer, 13) ?? last;
        }
        const after: Fields = last === '' ? [] : [[5, last]];
        stream = this.#link.answers('ReattachExecute', [...this.#named(6), [3, operation], [4, CLIENT], ...after]);
      }
    } catch (error) {
      const failure = await this.#failureOf(error);
      if (failure === null) throw callError(this.#link.address, error);
      return failure;
    }
  }

  /** Ends it, and what runs in it. */
  async release(): Promise<void> {
    // A missing server has ended it.
    await this.#link.ask('ReleaseSession', [...this.#head, [3, CLIENT]]).catch(() => undefined);
  }

  /** Settings of other value are set, one by one; what cannot be set may stand as it is wanted. */
  async #configure(wanted: Readonly<Record<string, string>>): Promise<void> {
    const names = Object.keys(wanted).map((name) => [1, name] as const);
    const found = await this.#asked('Config', this.#config([[4, names]]));
    const standing = new Map(messagesIn(found, 2).map((pair) => [textIn(pair, 1), textIn(pair, 2)]));
    for (const [setting, value] of Object.entries(wanted)) {
      if (standing.get(setting) === value) continue;
      try {
        await this.#link.ask('Config', this.#config([[1, pairs(1, { [setting]: value })]]));
      } catch (error) {
        const failure = await this.#failureOf(error);
        if (failure === null) throw callError(this.#link.address, error);
        const [reason] = failure.message.split('\n');
        throw fail('SPARK_SETTING', { address: this.#link.address, setting, value, reason }, error);
      }
    }
  }

  #config(operation: Fields): Fields {
    return [...this.#named(8), [3, operation], [4, CLIENT]];
  }

  /** Names the session, and what the server called it, which goes into a field of each request's own. */
  #named(field: number): Fields {
    return this.#serverSide === null ? this.#head : [...this.#head, [field, this.#serverSide]];
  }

  async #asked(method: 'AnalyzePlan' | 'Config', request: Fields): Promise<Message> {
    try {
      const answer = await this.#link.ask(method, request);
      this.#serverSide ??= textIn(answer, method === 'Config' ? 4 : 15);
      return answer;
    } catch (error) {
      throw callError(this.#link.address, error);
    }
  }

  /** Spark's error of a failed call; null if the failure is not from Spark. */
  async #failureOf(error: unknown): Promise<CommandFailure | null> {
    if (!isFailedCall(error) || error.code !== INTERNAL || FORGOTTEN.test(error.details)) return null;
    const [status] = error.metadata.get('grpc-status-details-bin');
    const errorId = Buffer.isBuffer(status) ? errorIdIn(decode(status)) : null;
    if (errorId === null) return null;
    const asked = this.#link.ask('FetchErrorDetails', [...this.#named(5), [3, errorId], [4, CLIENT]]);
    const told = await asked.then(innermost).catch(() => null);
    return told ?? { condition: null, sqlState: null, message: error.details, cause: error.details };
  }
}

/** The client, with the name of the user. */
const CLIENT = 'headrace';

function progressOf(progress: Message): Progress {
  const stages = messagesIn(progress, 1);
  const sum = (field: number) => stages.reduce((all, stage) => all + numberIn(stage, field), 0);
  return { tasks: sum(2), done: sum(3), bytes: sum(4) };
}

/** The id of an error in a `google.rpc.Status`, by which its causes are asked for. */
function errorIdIn(status: Message): string | null {
  for (const detail of messagesIn(status, 3)) {
    if (textIn(detail, 1) !== 'type.googleapis.com/google.rpc.ErrorInfo') continue;
    for (const info of messagesIn(detail, 2))
      for (const entry of messagesIn(info, 3)) if (textIn(entry, 1) === 'errorId') return textIn(entry, 2);
  }
  return null;
}

/** The innermost condition that Spark knows, and the innermost cause of all; null of an error that it has forgotten. */
function innermost(details: Message): CommandFailure | null {
  const errors = messagesIn(details, 2);
  let error = details.has(1) ? errors[numberIn(details, 1)] : undefined;
  if (error === undefined) return null;
  const all = [error];
  while (error.has(4) && all.length <= errors.length) {
    error = errors[numberIn(error, 4)];
    if (error === undefined) break;
    all.push(error);
  }
  const known = all.findLast((one) => messagesIn(one, 5).some((spark) => textIn(spark, 1) !== null));
  const [spark] = known === undefined ? [] : messagesIn(known, 5);
  const last = all[all.length - 1];
  return {
    condition: spark === undefined ? null : textIn(spark, 1),
    sqlState: spark === undefined ? null : textIn(spark, 4),
    message: textIn(known ?? all[0], 2) ?? '',
    cause: `${textIn(last, 1)}: ${textIn(last, 2)}`,
  };
}

/** The error of a call that did not come to Spark, or lost it. */
function callError(address: string, error: unknown): Error {
  const reason = error instanceof Error ? (isFailedCall(error) ? error.details : error.message) : String(error);
  if (isFailedCall(error) && DENIED.includes(error.code)) return fail('SPARK_TOKEN', { address, reason }, error);
  return fail('SPARK_UNREACHABLE', { address, reason }, error);
}
