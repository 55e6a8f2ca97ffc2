import { Agent, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { fail } from '../../base/errors/fail.ts';
import { errorBody } from '../error-answer.ts';

/** Fields of one connection, not of the message (RFC 9110, 7.6.1). */
const OF_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** A training set takes minutes to write. */
const ANSWER_WITHIN_MS = 600_000;

/**
 * Hands requests to the process that writes, over its socket, and its answers back: what it has not answered is not acknowledged.
 * Where it does not answer the client gets SERVER_WRITER.
 */
export function forwardTo(socketPath: string): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  return (incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming;
    const upstream = request({
      socketPath,
      agent,
      method,
      path: url,
      headers: passedOn(incoming.headers),
      timeout: ANSWER_WITHIN_MS,
    });
    upstream.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, passedOn(answer.headers));
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
  const text = JSON.stringify(errorBody(fail('SERVER_WRITER', { reason: error.message }, error)));
  outgoing.writeHead(503, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'retry-after': '1',
    // What the client still sends of the request is not read.
    ...(incoming.complete ? {} : { connection: 'close' }),
  });
  outgoing.end(text);
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = new Set(
    String(headers.connection ?? '')
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !OF_CONNECTION.has(name) && !named.has(name)) passed[name] = value;
  return passed;
}
