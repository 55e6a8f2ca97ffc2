import { createServer, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { answerHalfOpen } from '../../../src/server/half-open.ts';
import { turns } from '../../until.ts';

/** Turns after the last byte, in which node:http ends the requests that are whole. */
const TURNS_AFTER_END = 100;

/** A request as node:http reads it. */
export interface ReadRequest {
  readonly method: string;
  /** What its answer has to say, where that has a body; null where the request has no mark. */
  readonly mark: string | null;
  /** The host as it was sent: a refusal may quote it, with the marks of lines that lost their breaks. */
  readonly host: string;
}

/** Reads conversations as node:http does, without a network: what it finds in the bytes is the truth. */
export class Reference {
  readonly #server: Server;
  readonly #read = new WeakMap<object, ReadRequest[]>();

  constructor() {
    // A request without a host is one too: the server under test answers it.
    const server = createServer({ requireHostHeader: false }, (request, response) => {
      const found = this.#read.get(request.socket) ?? [];
      const { method = '', url = '' } = request;
      const { host = '' } = request.headers;
      // A request that breaks off may be refused by its head.
      const place = found.push({ method, host, mark: markOf(url, '') }) - 1;
      const chunks: Buffer[] = [];
      const push = request.push.bind(request);
      // Before the stream, which loses a whole body where the bytes after it are no request.
      request.push = (chunk: Buffer | null) => {
        if (chunk !== null) chunks.push(chunk);
        else found[place] = { method, host, mark: markOf(url, Buffer.concat(chunks).toString('latin1')) };
        return push(chunk);
      };
      request.resume().on('end', () => response.end());
    });
    // Without a listener node:http answers 417 by itself.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    this.#server = answerHalfOpen(server);
  }

  /** The requests in pieces of bytes, up to the place where node:http refuses. */
  async read(pieces: readonly Buffer[]): Promise<readonly ReadRequest[]> {
    const found: ReadRequest[] = [];
    const socket = new Duplex({
      allowHalfOpen: true,
      read: () => undefined,
      write: (_bytes, _encoding, done) => done(),
    });
    // As much of a socket as node:http asks for.
    Object.assign(socket, { setTimeout: () => socket, destroySoon: () => socket.destroy() });
    this.#read.set(socket, found);
    const over = new Promise<void>((resolve) => socket.once('close', resolve));
    // An upgrade that is refused may leave its body open: there is no timeout here that ends it.
    socket.once('end', () => void turns(TURNS_AFTER_END).then(() => socket.destroy()));
    socket.on('error', () => undefined);
    this.#server.emit('connection', socket);
    for (const piece of pieces) socket.push(piece);
    socket.push(null);
    await over;
    return found;
  }
}

function markOf(url: string, body: string): string | null {
  const [mark] = /m\d+x\dy/.exec(url) ?? /m\d+x\dy/.exec(body) ?? [];
  if (url !== '/v1/features/shopper') return mark ?? null;
  const [, price] = /"price":(\d+)\}\}$/.exec(body) ?? [];
  return price === undefined ? null : `"price":"${price}.00"`;
}
