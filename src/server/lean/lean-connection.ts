import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { endSoon } from '../limits/connections.ts';
import { heldBytes } from '../limits/held-bytes.ts';
import type { Gone } from './hot-route.ts';
import { parseHead, type RequestHead } from './request-head.ts';
import { closingResponse, type LeanResponse } from './response.ts';

export interface LeanOptions {
  /** Whether the path is one that `answer` knows. */
  readonly knows: (path: string) => boolean;
  /** Whether a request may name this host. */
  readonly allows: (host: string) => boolean;
  /** The whole response to a request; `gone`, one of the connection: when the client goes away. Never throws. */
  readonly answer: (head: RequestHead, body: string, gone: Gone) => MaybePromise<LeanResponse>;
  /** The same for a request whose body is bytes. Never throws. */
  readonly answerBytes: (head: RequestHead, body: Uint8Array, gone: Gone) => MaybePromise<LeanResponse>;
  /** The full server, for everything else: it finds the bytes that were read in the socket. */
  readonly handOver: (socket: Socket) => void;
  /** Largest body read here, bytes. */
  readonly bodyLimit: number;
}

/** A head is whole in the first bytes of a request that were read, and no longer than this, or the full server's. */
const LONGEST_HEAD = 4_096;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const MOST_HEADS = 1_024;
const NOTHING = Buffer.alloc(0);
const CUT_OFF = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/**
 * Unfinished bodies of all lean connections: their keys are not checked yet. Beyond this they are the full server's, which checks
 * the key before it reads a body.
 */
const MOST_HELD = 32 * 2 ** 20;
const readersHeld = heldBytes.share(MOST_HELD);

/** Heads seen before, by their text: clients send the same again and again. Null is one that is the full server's. */
const heads = new Map<string, RequestHead | null>();

/**
 * One client's connection while all it sends are plain requests to hot routes. They are answered in order, one at a time:
 * nothing is read from a client that does not take its answers. The first bytes that are anything else, and all after
 * them, go to the full server, for good. Hot path.
 */
export class LeanConnection {
  /** Ticks of the caller since it had its last answer, or began a request: pieces of one do not put it off. */
  since = 0;
  readonly #socket: Socket;
  readonly #options: LeanOptions;
  /** The parts of a request whose body is not whole, joined once when it is. */
  #held: Buffer[] = [];
  /** Of these what counts as held in the process. */
  #counted = 0;
  /** Bytes that the request still lacks. */
  #lacking = 0;
  #answering = false;
  /** Aborted when the client goes away. */
  readonly #gone = new AbortController();
  #closing = false;
  /** Whether the client has ended its side. */
  #hasEnded = false;

  constructor(socket: Socket, options: LeanOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setNoDelay(true);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.once('close', () => {
      this.#gone.abort();
      this.#forget();
    });
  }

  /** Whether a request has begun, or is being answered. */
  get isBusy(): boolean {
    return this.#held.length > 0 || this.#answering;
  }

  /** Ends the connection: at once where nothing is going on, else behind the answers to what it sent. */
  close(): void {
    this.#closing = true;
    if (!this.#answering) this.#end();
  }

  /** Gives the connection to the full server with the bytes of a request that were read: it handles slow clients. */
  giveUp(): void {
    if (!this.#answering) this.#handOver(this.#release());
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#answering) {
      this.#putBack(chunk);
      return;
    }
    if (this.#held.length === 0) {
      this.since = 0;
      this.#serve(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#lacking -= chunk.length;
    if (this.#lacking <= 0) this.#serve(this.#release());
  };

  /** Counts the rest of a request as held; false: the lean readers hold as much as they may. */
  #holds(bodyBytes: number): boolean {
    if (!readersHeld.takes(bodyBytes)) return false;
    this.#counted = bodyBytes;
    return true;
  }

  /** All that is held, which is held no longer. */
  #release(): Buffer {
    const bytes = Buffer.concat(this.#held);
    this.#forget();
    return bytes;
  }

  #forget(): void {
    this.#held = [];
    readersHeld.give(this.#counted);
    this.#counted = 0;
  }

  /** Answers the whole requests of `bytes`. */
  #serve(bytes: Buffer): void {
    let written = '';
    let at = 0;
    while (at < bytes.length) {
      const endOfHead = bytes.indexOf(END_OF_HEAD, at);
      const bodyAt = endOfHead + END_OF_HEAD.length;
      const head = endOfHead < 0 || bodyAt - at > LONGEST_HEAD ? null : headOf(bytes.toString('latin1', at, bodyAt));
      if (head === null || !this.#takes(head)) {
        if (written !== '') this.#socket.write(written, 'latin1');
        this.#handOver(bytes.subarray(at));
        return;
      }
      const end = bodyAt + head.bodyBytes;
      if (end > bytes.length) {
        if (!this.#holds(head.bodyBytes)) {
          if (written !== '') this.#socket.write(written, 'latin1');
          this.#handOver(bytes.subarray(at));
          return;
        }
        this.#held = [bytes.subarray(at)];
        this.#lacking = end - bytes.length;
        break;
      }
      // Decoded as it is, two keys could become one.
      if (!head.takesBytes && !isUtf8(bytes.subarray(bodyAt, end))) {
        if (written !== '') this.#socket.write(written, 'latin1');
        this.#handOver(bytes.subarray(at));
        return;
      }
      const answer = head.takesBytes
        ? this.#options.answerBytes(head, bytes.subarray(bodyAt, end), this.#gone)
        : this.#options.answer(head, bytes.toString('utf8', bodyAt, end), this.#gone);
      at = end;
      this.since = 0;
      if (typeof answer === 'string') {
        written += answer;
        continue;
      }
      if (written !== '') this.#socket.write(written, 'latin1');
      written = '';
      if (answer instanceof Promise) {
        this.#await(answer, bytes.subarray(at));
        return;
      }
      if (!this.#socket.write(answer)) this.#socket.pause();
    }
    if (written !== '' && !this.#socket.write(written, 'latin1')) this.#socket.pause();
    if (this.#closing) this.#end();
  }

  #takes({ path, host, bodyBytes }: RequestHead): boolean {
    const { bodyLimit, knows, allows } = this.#options;
    return bodyBytes <= bodyLimit && knows(path) && allows(host);
  }

  /** Refuses half a request: its other half does not come, or the server closes. */
  #end(): void {
    if (this.#held.length > 0) this.#socket.write(this.#hasEnded ? CUT_OFF : closingResponse());
    this.#forget();
    endSoon(this.#socket);
  }

  /** Waits for an answer; later bytes are read meanwhile, since a pause for each answer costs time. */
  #await(answer: Promise<LeanResponse>, rest: Buffer): void {
    this.#answering = true;
    if (rest.length > 0) this.#putBack(rest);
    void answer.then((response) => {
      this.#answering = false;
      if (this.#socket.destroyed) return;
      if (!this.#socket.write(response, 'latin1')) this.#socket.pause();
      else if (this.#socket.isPaused()) this.#socket.resume();
      if (this.#closing && this.#socket.readableLength === 0) this.#end();
    });
  }

  /** Reading stops until it is resumed, and begins with these bytes. The socket keeps them: an empty one would report its end. */
  #putBack(bytes: Buffer): void {
    this.#socket.pause();
    this.#socket.unshift(bytes);
  }

  readonly #onDrain = (): void => {
    if (!this.#answering) this.#socket.resume();
  };

  /** The client has ended its side; it gets its answers. */
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    // Nobody that runs a model sends the end of its requests before it has the answer.
    this.#gone.abort();
    this.close();
  };

  readonly #onError = (): void => {
    this.#gone.abort();
    this.#socket.destroy();
  };

  /** After the bytes that are being written: a server that refuses the next request closes at once, and by TLS its refusal would wait. */
  #handOverLater(rest: Buffer): void {
    this.#answering = true;
    this.#putBack(rest);
    this.#socket.write(NOTHING, () => {
      this.#answering = false;
      if (!this.#socket.destroyed) this.#handOver(NOTHING);
    });
  }

  #handOver(rest: Buffer): void {
    const socket = this.#socket;
    if (socket.writableLength > 0) {
      this.#handOverLater(rest);
      return;
    }
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    this.#options.handOver(socket);
    socket.resume();
  }
}

function headOf(text: string): RequestHead | null {
  const known = heads.get(text);
  if (known !== undefined) return known;
  // A trace makes every head another: it is known without that field.
  const at = text.indexOf(TRACE_FIELD);
  if (at < 0) return learn(text);
  const end = text.indexOf('\r\n', at + TRACE_FIELD.length);
  const traceparent = text.slice(at + TRACE_FIELD.length, end);
  // Only what is plainly one is passed over: in anything else another reader may see more fields.
  if (!TRACE_TEXT.test(traceparent)) return learn(text);
  const bare = text.slice(0, at) + text.slice(end);
  const head = heads.get(bare) ?? learn(bare);
  return head === null ? null : { ...head, traceparent };
}

const TRACE_FIELD = '\r\ntraceparent: ';
const TRACE_TEXT = /^[0-9a-f-]{55}$/;

function learn(text: string): RequestHead | null {
  const head = parseHead(text);
  if (heads.size >= MOST_HEADS) heads.clear();
  heads.set(text, head);
  return head;
}
