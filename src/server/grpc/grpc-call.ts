import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { InferCaller } from '../../versions/request/infer-request.ts';

/** A status of gRPC. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
}

const OK: GrpcStatus = { code: 0, details: '' };
const DEADLINE_EXCEEDED: GrpcStatus = { code: 4, details: 'Deadline exceeded' };

const HEAD_BYTES = 5;
const NO_ERROR = 0;

const FIELDS = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-encoding': 'identity',
  'grpc-accept-encoding': 'identity,deflate,gzip',
} as const;

/** Why a call is aborted. Without a reason, each abort makes an error with its stack. */
const GONE = new Error('nobody waits for the answer');

/** Milliseconds of the units of a deadline. */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000001 };

/** Longest wait of a timer of Node, ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** The answer of one call: messages, then a status. It is ended once; by the deadline of the client at the latest. */
export class GrpcCall {
  /** On the clock of `performance.now()`; infinite: the client waits for ever. */
  readonly deadline: number;
  readonly #stream: ServerHttp2Stream;
  readonly #gone = new AbortController();
  readonly #timer: NodeJS.Timeout | null;
  #ended = false;
  #status = OK;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    const timeoutMs = timeoutOf(headers['grpc-timeout']);
    this.deadline = performance.now() + timeoutMs;
    this.#timer =
      timeoutMs === Number.POSITIVE_INFINITY
        ? null
        : setTimeout(() => this.end(DEADLINE_EXCEEDED), Math.min(timeoutMs, LONGEST_MS));
    stream.on('error', () => undefined);
    stream.once('close', () => this.#leave());
  }

  /** Aborted when nobody waits for the answer any longer before it is there. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Whether nobody waits for more of the answer. */
  get isOver(): boolean {
    return this.#ended || this.#stream.destroyed || this.#stream.closed;
  }

  /** The caller, with the id of its key. */
  caller(tenant: string): InferCaller {
    return { tenant, deadline: this.deadline, signal: this.signal };
  }

  /** Writes a message; false: the client should take some first. */
  write(message: Buffer): boolean {
    if (this.isOver) return true;
    this.#begin();
    return this.#stream.write(framed(message));
  }

  /** Waits until the client has taken the written messages, or has gone. */
  drained(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#stream.off('drain', done);
        this.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#stream.on('drain', done);
      this.signal.addEventListener('abort', done);
    });
  }

  /** Ends the call, with a last message if there is one. */
  end(status: GrpcStatus = OK, message: Buffer | null = null): void {
    if (this.isOver) return;
    this.#ended = true;
    this.#status = status;
    if (message !== null) this.#begin();
    if (!this.#stream.headersSent) {
      this.#stream.respond({ ...FIELDS, ...trailersOf(status) }, { endStream: true });
      this.#refuseMore();
    } else if (message === null) this.#stream.end();
    else this.#stream.end(framed(message));
    if (status !== OK) this.#leave();
  }

  /** The rest of the request is not read (RFC 9113, 8.1). */
  #refuseMore(): void {
    if (this.#stream.readableEnded) return;
    this.#stream.removeAllListeners('data');
    this.#stream.resume();
    this.#stream.close(NO_ERROR);
  }

  #begin(): void {
    if (this.#stream.headersSent) return;
    this.#stream.respond(FIELDS, { waitForTrailers: true });
    this.#stream.once('wantTrailers', () => {
      this.#stream.sendTrailers(trailersOf(this.#status));
      this.#refuseMore();
    });
  }

  #leave(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    // Nobody follows a call that was answered: an abort costs a quarter of it.
    if (!this.#ended || this.#status !== OK) this.#gone.abort(GONE);
  }
}

function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  message.copy(bytes, HEAD_BYTES);
  return bytes;
}

function trailersOf({ code, details }: GrpcStatus) {
  return { 'grpc-status': String(code), ...(details === '' ? {} : { 'grpc-message': percentEncoded(details) }) };
}

/** A text as a field of gRPC has it: printable ASCII but `%`, the rest as percent-encoded UTF-8. */
function percentEncoded(text: string): string {
  return text.toWellFormed().replaceAll(/[^\x20-\x24\x26-\x7e]+/g, (part) => {
    return [...Buffer.from(part, 'utf8')]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join('');
  });
}

/** The field grpc-timeout as ms: up to 8 digits and a unit. A client that says anything else waits for ever. */
function timeoutOf(field: string | readonly string[] | undefined): number {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(field ?? '')) ?? [];
  return digits === undefined || unit === undefined ? Number.POSITIVE_INFINITY : Number(digits) * UNITS[unit];
}
