import { lookup } from 'node:dns/promises';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';

/** The server that a command asks where none is named. */
export const LOCAL_SERVER = 'http://127.0.0.1:8080';

const ANSWER_WITHIN_MS = 10_000;

/** Gives the addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** The text that a running server answers to a GET; the key of `HEADRACE_API_KEY` goes with it, if there is one. Errors: CLI_VALUE, SERVER_ASK. */
export async function askServer(server: string, path: string): Promise<string> {
  return ask(urlOf(server, path), null);
}

/**
 * The answers of every process that a server's name stands for, as that of a headless service does: each of its addresses
 * is asked. One that does not answer fails the whole. Errors: CLI_VALUE, SERVER_ASK.
 */
export async function askEach(
  server: string,
  path: string,
  resolve: Resolve = addressesOf,
): Promise<readonly string[]> {
  const url = urlOf(server, path);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 || host === 'localhost') return [await ask(url, null)];
  const addresses = await resolve(host).catch((error: unknown) => {
    throw fail('SERVER_ASK', { server: url.origin, reason: reasonOf(error) }, error);
  });
  return Promise.all(addresses.map((address) => ask(url, address)));
}

/** Those of version 4, where there are any: a process that has one of each is one process. */
async function addressesOf(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  const family = Math.min(...found.map((one) => one.family));
  return [...new Set(found.filter((one) => one.family === family).map(({ address }) => address))];
}

/** A path of a server. Error: CLI_VALUE. */
export function urlOf(server: string, path: string): URL {
  const url = URL.parse(path, server);
  if (url === null || !url.protocol.startsWith('http'))
    throw fail('CLI_VALUE', { option: 'server', value: server, wanted: `an address such as ${LOCAL_SERVER}` });
  return url;
}

/** Asks at an address; null: at any that the name has. Host and certificate stay those of the name. */
async function ask(url: URL, address: string | null): Promise<string> {
  try {
    return await get(url, address);
  } catch (error) {
    const server = address === null ? url.origin : `${url.origin} (${address})`;
    throw fail('SERVER_ASK', { server, reason: reasonOf(error) }, error);
  }
}

async function get(url: URL, address: string | null): Promise<string> {
  const key = process.env['HEADRACE_API_KEY'];
  const request = url.protocol === 'https:' ? secureRequest : plainRequest;
  const at = address === null ? {} : { lookup: fixed(address) };
  return new Promise((done, failed) => {
    request(
      url,
      {
        agent: false,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        ...at,
      },
      (answer) => {
        if (answer.statusCode === 200) return answerText(answer).then(done, failed);
        answer.resume();
        const keyless = answer.statusCode === 401 ? `: it rejects HEADRACE_API_KEY` : '';
        return failed(new Error(`it answered ${answer.statusCode}${keyless}`));
      },
    )
      .on('error', failed)
      .end();
  });
}

/** A resolver of one address, in the form that sockets ask for it. */
function fixed(address: string) {
  const family = isIP(address);
  return (
    _host: string,
    { all }: { readonly all?: boolean | undefined },
    told: (error: null, address: string | { address: string; family: number }[], family?: number) => void,
  ): void => {
    if (all === true) told(null, [{ address, family }]);
    else told(null, address, family);
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
