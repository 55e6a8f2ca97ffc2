import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { describedError, fail, isHeadraceError } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { CommonOptions } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import { option } from '../options/option.ts';
import { name } from '../options/option-kinds.ts';
import { urlOf } from './ask-server.ts';
import { answersAt, controlPath } from './control-socket.ts';

/** A flush or a change of champions takes a while; a server that is silent for this long is given up, ms. */
const ANSWER_WITHIN_MS = 600_000;

/** A running server that a command works through. */
export interface ServerLink {
  /** Its address, as people read it. */
  readonly name: string;
  /**
   * The text that it answers; `also` is a status of an answer that is no error either. Errors: those that the server answers, SERVER_ASK.
   */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown, also?: number): Promise<string>;
}

/** The option of commands that work through a server on another machine. */
export const serverOption = {
  server: option(
    name('the address of a server'),
    'address of the server to work through; without it the one that has the environment open here, if any',
  ),
};

type AskedServer = { readonly options: CommonOptions['options'] & { readonly server?: string | undefined } };

/** The server that a call works through: the one that it names, or the one that has its environment open; null: there is none. Error: CLI_VALUE. */
export async function serverOf(call: AskedServer): Promise<ServerLink | null> {
  const { server } = call.options;
  if (server !== undefined) return linkTo(urlOf(server, '/'), null);
  const { environment } = await loadConfig(call);
  const socketPath = controlPath(environment.directory);
  if (socketPath === null || !(await answersAt(socketPath))) return null;
  return linkTo(new URL('http://localhost/'), socketPath);
}

/** The server that has the environment of the configuration open; null: there is none, or no configuration. */
export async function openServer(call: AskedServer): Promise<ServerLink | null> {
  try {
    return await serverOf(call);
  } catch (error) {
    if (isHeadraceError(error, 'CONFIG_FILE') && call.options.config === undefined) return null;
    throw error;
  }
}

function linkTo(url: URL, socketPath: string | null): ServerLink {
  const name = socketPath ?? url.origin;
  return {
    name,
    ask: async (method, path, body, also) => {
      const { status, content } = await send(url, socketPath, { method, path, body }).catch((error: unknown) => {
        throw fail('SERVER_ASK', { server: name, reason: reasonOf(error) }, error);
      });
      if (status >= 200 && status < 300) return content;
      const refused = refusal(content);
      if (refused === null && status === also) return content;
      throw refused ?? fail('SERVER_ASK', { server: name, reason: `it answered ${status}` });
    },
  };
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

function send(
  url: URL,
  socketPath: string | null,
  { method, path, body }: Sent,
): Promise<{ readonly status: number; readonly content: string }> {
  const key = process.env['HEADRACE_API_KEY'];
  const request = url.protocol === 'https:' ? secureRequest : plainRequest;
  const sent = body === undefined ? null : JSON.stringify(body);
  return new Promise((done, failed) => {
    const answered = (answer: IncomingMessage) =>
      answerText(answer).then((content) => done({ status: answer.statusCode ?? 0, content }), failed);
    const asking = request(
      new URL(path, url),
      {
        method,
        agent: false,
        timeout: ANSWER_WITHIN_MS,
        headers: {
          ...(sent === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
          ...(key === undefined || socketPath !== null ? {} : { authorization: `Bearer ${key}` }),
        },
        ...(socketPath === null ? {} : { socketPath }),
      },
      answered,
    );
    asking.on('timeout', () => asking.destroy(new Error('it took too long')));
    asking.on('error', failed);
    asking.end(sent ?? undefined);
  });
}

/** The catalogued error of an answer; null: it has none. */
function refusal(content: string): Error | null {
  try {
    const { error } = JSON.parse(content) as { readonly error: { readonly code: string; readonly message: string } };
    return describedError(error.code, error.message);
  } catch {
    return null;
  }
}
