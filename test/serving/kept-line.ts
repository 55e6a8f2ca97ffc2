import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A request. */
export interface Asked {
  readonly path: string;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** In place of an answer. */
const CUT_OFF = 'cut off: ';

/** A connection that is kept; what comes back is cut into answers by their lengths. */
export class Line {
  readonly #port: number;
  #socket: Socket | null = null;
  #bytes = Buffer.alloc(0);

  constructor(port: number) {
    this.#port = port;
  }

  /**
   * The answer to a request; `isLean` sends it as the lean reader takes it, else in chunks, which only the full server reads. A kept
   * connection that the server has closed meanwhile is dialled again, once.
   */
  async ask(asked: Asked, isLean: boolean): Promise<string> {
    const isKept = this.#socket !== null && !this.#socket.destroyed;
    const answer = await this.#asked(asked, isLean);
    return isKept && answer === CUT_OFF ? this.#asked(asked, isLean) : answer;
  }

  async #asked({ path, fields, body }: Asked, isLean: boolean): Promise<string> {
    const socket = await this.#connected();
    const length = isLean ? `content-length: ${body.length}` : 'transfer-encoding: chunked';
    const head = Buffer.from(`${[`POST ${path} HTTP/1.1`, 'host: localhost', length, ...fields].join('\r\n')}\r\n\r\n`);
    const chunk = [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')];
    socket.write(Buffer.concat([head, ...(isLean ? [body] : chunk)]));
    for (;;) {
      const answer = this.#answer();
      if (answer !== null) return answer;
      const [came] = await this.#next(socket);
      if (came === null) return `${CUT_OFF}${this.#bytes.toString('latin1')}`;
      this.#bytes = Buffer.concat([this.#bytes, came]);
    }
  }

  /** What comes next; null: the connection is over, also by a reset of a server that had closed it before the request came. */
  #next(socket: Socket): Promise<[Buffer | null]> {
    if (socket.destroyed) return Promise.resolve([null]);
    return new Promise((resolve) => {
      const came = (bytes: Buffer): void => {
        socket.off('close', closed);
        resolve([bytes]);
      };
      const closed = (): void => {
        socket.off('data', came);
        resolve([null]);
      };
      socket.once('data', came);
      socket.once('close', closed);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
    this.#bytes = Buffer.alloc(0);
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket;
    this.close();
    const socket = connect(this.#port, '127.0.0.1').setNoDelay(true);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    this.#socket = socket;
    return socket;
  }

  /** Status, the fields that matter, and the body, once the answer is whole; else null. */
  #answer(): string | null {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [line = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    const fields = new Map(
      lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]),
    );
    const length = Number(fields.get('content-length') ?? 0);
    const body = this.#bytes.subarray(end + 4, end + 4 + length);
    if (body.length < length) return null;
    this.#bytes = this.#bytes.subarray(end + 4 + length);
    // After its refusal of a body the full server ends the connection.
    if (fields.get('connection') === 'close') this.close();
    const type = fields.get('content-type')?.replace('; charset=utf-8', '');
    const kept = ['retry-after', 'inference-header-content-length'].map((name) => fields.get(name) ?? '');
    return [line.split(' ')[1], type, ...kept, body.toString('latin1')].join('\n');
  }
}
