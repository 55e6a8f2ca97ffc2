import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { readSections } from '../../src/backends/redis/record-scripts.ts';
import { claimOwner, dropLock, shareHot, takeLock } from '../../src/backends/redis/scripts.ts';
import { upsertTiles } from '../../src/backends/redis/upsert-script.ts';

/**
 * A server that speaks the protocol of Redis and keeps nothing: it answers as an empty one that accepts every write. It stands in where a
 * test is about the wire and not about what is stored; the suites of test/services run the same rules on a real server.
 *
 * ```
 * request = "*" count CRLF *( "$" length CRLF bytes CRLF )
 * ```
 */
export class RespStandIn {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async open(): Promise<RespStandIn> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RespStandIn(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      for (let next = requestOf(rest); next !== null; next = requestOf(rest)) {
        rest = rest.subarray(next.length);
        socket.write(answerTo(next.words));
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

interface Request {
  readonly words: readonly string[];
  /** Bytes that it takes. */
  readonly length: number;
}

/** The first request of some bytes; null where it is not whole. */
function requestOf(bytes: Buffer): Request | null {
  const lineFrom = (at: number): readonly [number, number] | null => {
    const end = bytes.indexOf('\r\n', at);
    return end < 0 ? null : [Number(bytes.toString('latin1', at + 1, end)), end + 2];
  };
  const head = lineFrom(0);
  if (head === null) return null;
  const words: string[] = [];
  let [, at] = head;
  while (words.length < head[0]) {
    const size = lineFrom(at);
    if (size === null || bytes.length < size[1] + size[0] + 2) return null;
    words.push(bytes.toString('latin1', size[1], size[1] + size[0]));
    at = size[1] + size[0] + 2;
  }
  return { words, length: at };
}

const OK = '+OK\r\n';
const NOTHING = '$-1\r\n';
const NONE = '*0\r\n';
const INFO = 'redis_version:7.4.0\r\nrun_id:abc123\r\nmaxmemory_policy:noeviction\r\n';

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const nothings = (count: number) => `*${count}\r\n${NOTHING.repeat(count)}`;

/** By name, how a command is answered; OK where it is not here. */
const answers: Readonly<Record<string, (words: readonly string[]) => string>> = {
  PING: () => '+PONG\r\n',
  INFO: () => bulk(INFO),
  COMMAND: () => `*1\r\n${NOTHING}`,
  SCAN: () => `*2\r\n${bulk('0')}${NONE}`,
  EXISTS: () => ':0\r\n',
  GET: () => NOTHING,
  HGET: () => NOTHING,
  MGET: ({ length }) => nothings(length - 1),
  HMGET: ({ length }) => nothings(length - 2),
  HGETALL: () => NONE,
  UNLINK: () => ':0\r\n',
  EVALSHA: ([, sha = '', keys = '0', ...more]) => scriptAnswer(sha, more.slice(Number(keys))),
};

function answerTo(words: readonly string[]): string {
  return answers[words[0]?.toUpperCase() ?? '']?.(words) ?? OK;
}

function scriptAnswer(sha: string, args: readonly string[]): string {
  if (sha === upsertTiles.sha) return '*4\r\n:1\r\n:0\r\n:0\r\n:0\r\n';
  if (sha === readSections.sha) return nothings(args.length);
  if (sha === takeLock.sha) return bulk(args[0] ?? '');
  if (sha === claimOwner.sha) return bulk('');
  if (sha === dropLock.sha) return ':1\r\n';
  if (sha === shareHot.sha) return NONE;
  return bulk('ok');
}
