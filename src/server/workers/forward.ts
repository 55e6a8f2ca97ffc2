import { Agent, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { fail } from '../../base/errors/fail.ts';
import { answerPlain } from '../error-answer.ts';

/** Fields of one connection, not of the message (RFC 9110, 7.6.1), and those that node:http answers itself or writes itself. */
const OF_CONNECTION = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Requests that wait for the process that writes at most, each in a connection that its client has open. */
const MOST_WAITING = 1_024;

/** A training set takes minutes to write. */
const ANSWER_WITHIN_MS = 600_000;

/**
 * Forwards requests over a socket to the process that writes, and its answers back. A request without an answer is not acknowledged: the
 * client gets SERVER_WRITER. Each message is framed here, from the result of node:http's parser: no field of a client says where it ends.
 */
export function forwardTo(socketPath: string): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let waiting = 0;
  return (incoming, outgoing) => {
    if (waiting >= MOST_WAITING) {
      refuse(incoming, outgoing, new Error(`${waiting} requests wait for it`));
      return;
    }
    waiting += 1;
    outgoing.once('close', () => {
      waiting -= 1;
    });
    const { method, url, headers } = incoming;
    const upstream = request({
      socketPath,
      agent,
      method,
      path: url,
      headers: { ...endToEnd(headers), ...framing(headers) },
      timeout: ANSWER_WITHIN_MS,
    });
    upstream.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, { ...endToEnd(answer.headers), ...lengthOf(answer.headers) });
      answer.pipe(outgoing);
      // An answer that breaks off must not look whole.
      answer.on('error', () => outgoing.destroy());
      answer.on('aborted', () => outgoing.destroy());
    });
    upstream.on('timeout', () => upstream.destroy(new Error('it took too long')));
    upstream.on('error', (error) => {
      incoming.unpipe(upstream);
      refuse(incoming, outgoing, error);
    });
    // A client that goes away.
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) upstream.destroy();
    });
    incoming.pipe(upstream);
  };
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse, error: Error): void {
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  const broken = fail('SERVER_WRITER', { reason: error.message }, error);
  // The rest of an incomplete request is not read.
  answerPlain(outgoing, broken, incoming.complete ? {} : { connection: 'close' });
}

/** The framing of a body that follows; none for a request without a body. */
function framing(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return headers['transfer-encoding'] === undefined ? lengthOf(headers) : { 'transfer-encoding': 'chunked' };
}

function lengthOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const length = headers['content-length'];
  return length === undefined ? {} : { 'content-length': length };
}

/** The fields of a message without those of its connection, which `connection` may name too. */
function endToEnd({ connection = '', ...headers }: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !OF_CONNECTION.has(name) && !named.has(name)) passed[name] = value;
  return passed;
}
