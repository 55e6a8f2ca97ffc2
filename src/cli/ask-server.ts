import { fail } from '../base/errors/fail.ts';

/** The server that a command asks where none is named. */
export const LOCAL_SERVER = 'http://127.0.0.1:8080';

const ANSWER_WITHIN_MS = 10_000;

/** The text that a running server answers to a GET; the key of `HEADRACE_API_KEY` goes with it, if there is one. Errors: CLI_VALUE, SERVER_ASK. */
export async function askServer(server: string, path: string): Promise<string> {
  const url = URL.parse(path, server);
  if (url === null || !url.protocol.startsWith('http'))
    throw fail('CLI_VALUE', { option: 'server', value: server, wanted: `an address such as ${LOCAL_SERVER}` });
  try {
    const key = process.env['HEADRACE_API_KEY'];
    const answer = await fetch(url, {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return await answer.text();
  } catch (error) {
    throw fail('SERVER_ASK', { server: url.origin, reason: reasonOf(error) }, error);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
