import { setTimeout as sleep } from 'node:timers/promises';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { RedisOptions } from './redis-options.ts';
import type { Script } from './scripts.ts';
import { isPassing, isRefusal, storeFailure } from './store-failure.ts';
import type { Place } from './store-keys.ts';

export type Argument = string | Buffer;

/** An answer of a server: texts are bytes. */
export type Reply = Buffer | string | number | null | readonly Reply[];

/** One connection, as the client package gives it; the little of it that is used. */
interface NodeClient {
  readonly isReady: boolean;
  readonly socketEpoch: number;
  sendCommand(args: readonly Argument[]): Promise<unknown>;
}

interface ClusterNode {
  readonly address: string;
  readonly client?: NodeClient | undefined;
}

/** A whole cluster. */
interface ClusterClient {
  readonly slots: readonly { readonly master: ClusterNode }[];
  readonly masters: readonly ClusterNode[];
  sendCommand(firstKey: string, isReadonly: boolean, args: readonly Argument[]): Promise<unknown>;
}

interface Closable {
  on(event: 'error', listener: (error: unknown) => void): unknown;
  destroy(): void;
}

/** A server process: another after a restart or a failover. */
export interface Node {
  readonly address: string;
  /** Identity of the process. */
  readonly runId: string;
}

/** Pauses between retries of a transient failure, ms. */
const PAUSE_MS = 20;

/** Commands that wait for answers above which more are refused. */
const MOST_WAITING = 200_000;

/**
 * The connections to a server or a cluster. Commands of one turn of the event loop leave in one write to each node, and are
 * answered in order. A call that fails for a reason that passes is tried again until its time is over.
 */
export class RedisLink {
  readonly address: string;
  readonly isCluster: boolean;
  readonly timeoutMs: number;
  readonly #single: (NodeClient & Closable) | null;
  readonly #cluster: (ClusterClient & Closable) | null;
  readonly #identities = new WeakMap<NodeClient, { readonly epoch: number; readonly node: Promise<Node> }>();
  /** The last thing a connection failed of. */
  #lastError: unknown = null;

  private constructor(
    options: RedisOptions,
    single: (NodeClient & Closable) | null,
    cluster: (ClusterClient & Closable) | null,
  ) {
    this.address = addressOf(options);
    this.isCluster = options.cluster;
    this.timeoutMs = options.timeoutMs;
    this.#single = single;
    this.#cluster = cluster;
    (single ?? cluster)?.on('error', (error) => {
      this.#lastError = error;
    });
  }

  /** Connects. Errors: REDIS_CLIENT, REDIS_UNREACHABLE, REDIS_AUTH. */
  static async open(options: RedisOptions): Promise<RedisLink> {
    const { createClient, createCluster, RESP_TYPES } = await loadClient();
    const { username, password, tls, urls, timeoutMs } = options;
    const secure = tls !== null || urls.some((url) => url.startsWith('rediss:'));
    const state = { isOpen: false };
    const shared = {
      // Commands to an absent server fail at once: the queue is bounded, and retries are made here.
      disableOfflineQueue: true,
      commandsQueueMaxLength: MOST_WAITING,
      maintNotifications: 'disabled' as const,
      // Maps as names and values in turn: names are bytes.
      RESP: 2 as const,
      // A connection whose other end is gone without a word ends after this.
      pingInterval: 2 * timeoutMs,
      // Timers per command are costly: calls have one each.
      commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
      socket: {
        connectTimeout: Math.max(timeoutMs, 1_000),
        socketTimeout: Math.max(5 * timeoutMs, 5_000),
        // A login rejected at the first try would be rejected at every one.
        reconnectStrategy: (tries: number, cause: Error) =>
          !state.isOpen && isRefusal(cause) ? cause : Math.min(25 * 2 ** Math.min(tries, 5), 500),
        ...(secure ? { tls: true as const, ...tls } : {}),
      },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
    const [url = ''] = urls;
    const single = options.cluster ? null : createClient({ ...shared, url });
    const cluster = options.cluster
      ? createCluster({
          rootNodes: urls.map((each) => ({ url: each })),
          defaults: shared,
          commandOptions: shared.commandOptions,
          RESP: 2,
          topologyRefreshOnReconnectionAttemptStrategy: 200,
        })
      : null;
    const link = new RedisLink(options, single, cluster);
    const opened = single ?? cluster;
    if (opened === null) return link;
    try {
      await link.within<unknown>(opened.connect(), Math.max(timeoutMs, 5_000));
      state.isOpen = true;
    } catch (error) {
      const last = link.#lastError;
      opened.destroy();
      throw storeFailure(last ?? error, link.address);
    }
    return link;
  }

  /**
   * Sends a command to the node of a key, and returns the answer. A node receives commands in call order, except for
   * retries. Errors: REDIS_*.
   */
  send(place: Place, args: readonly Argument[]): Promise<Reply> {
    return this.#within(this.#sendAgain(place, args), this.timeoutMs);
  }

  /** As `send`, without a limit of time: for calls that set one over several. */
  sendUnlimited(place: Place, args: readonly Argument[]): Promise<Reply> {
    return this.#sendAgain(place, args);
  }

  /** Runs a script on some keys of one slot. */
  eval({ text, sha }: Script, places: readonly [Place, ...Place[]], args: readonly Argument[]): Promise<Reply> {
    const [place] = places;
    const tail = [String(places.length), ...places.map(({ key }) => key), ...args];
    return this.#sendAgain(place, ['EVALSHA', sha, ...tail]).catch((error: unknown) => {
      if (!(isHeadraceError(error) && textOfCause(error).startsWith('NOSCRIPT'))) throw error;
      return this.#sendAgain(place, ['EVAL', text, ...tail]);
    });
  }

  /** One limit of time over all of some work. Errors: REDIS_*. */
  async #within<T>(work: Promise<T>, ms: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(fail('REDIS_TIMEOUT', { address: this.address, ms })), ms);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      throw storeFailure(error, this.address);
    } finally {
      clearTimeout(timer);
    }
  }

  within<T>(work: Promise<T>, ms: number = this.timeoutMs): Promise<T> {
    return this.#within(work, ms);
  }

  /** Which server process holds a slot at present. */
  async #nodeOf(slot: number): Promise<Node> {
    const client = this.#clientOf(slot);
    if (client === null) throw new Error('the node of the slot is not connected');
    return this.#identify(client, this.#addressOf(slot));
  }

  /** As `nodeOf`, again and again while a node is away. Errors: REDIS_*. */
  nodeAgain(slot: number): Promise<Node> {
    return this.#again(() => this.#nodeOf(slot));
  }

  /** A name for the node of a slot, the same for all its slots; empty where it is not known. */
  nodeName(slot: number): string {
    return this.#addressOf(slot);
  }

  /** Sends a command to every primary. Errors: REDIS_*. */
  async sendToAll(args: readonly Argument[]): Promise<readonly Reply[]> {
    const answers = this.#primaries().map(async (client) => asReply(await client.sendCommand(args)));
    return this.within(Promise.all(answers));
  }

  /** Sees every key of a pattern, some more than once; keys that come or go meanwhile perhaps not. Errors: REDIS_*. */
  async *scan(pattern: string): AsyncGenerator<readonly string[]> {
    for (const client of this.#primaries()) {
      let cursor = '0';
      do {
        const sent = client.sendCommand(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']);
        const reply = asReply(await this.within(sent));
        const [next, found] = listOf(reply);
        cursor = textOf(next);
        const keys = listOf(found);
        if (keys.length > 0) yield keys.map(textOf);
      } while (cursor !== '0');
    }
  }

  close(): void {
    (this.#single ?? this.#cluster)?.destroy();
  }

  #sendAgain(place: Place, args: readonly Argument[]): Promise<Reply> {
    return this.#again(async () => asReply(await this.#sendOnce(place, args)));
  }

  /**
   * Tries again what may pass, until the time of a call is over. Errors: REDIS_*, here already: whoever waits for several commands hears the
   * first that fails.
   */
  async #again<T>(work: () => Promise<T>): Promise<T> {
    const until = performance.now() + this.timeoutMs;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || performance.now() + PAUSE_MS > until) throw storeFailure(error, this.address);
        await sleep(PAUSE_MS);
      }
    }
  }

  /** Straight to the node where that is known; a cluster's client follows where a slot has gone. */
  #sendOnce({ key, slot }: Place, args: readonly Argument[]): Promise<unknown> {
    const client = this.#clientOf(slot);
    if (this.#cluster === null)
      return client === null ? Promise.reject(new Error('not connected')) : client.sendCommand(args);
    const cluster = this.#cluster;
    if (client === null) return cluster.sendCommand(key, false, args);
    return client.sendCommand(args).catch((error: unknown) => {
      if (error instanceof Error && /^(MOVED|ASK) /.test(error.message)) return cluster.sendCommand(key, false, args);
      throw error;
    });
  }

  #clientOf(slot: number): NodeClient | null {
    const client = this.#single ?? this.#cluster?.slots[slot]?.master.client;
    return client?.isReady ? client : null;
  }

  #addressOf(slot: number): string {
    return this.#cluster === null ? this.address : (this.#cluster.slots[slot]?.master.address ?? '');
  }

  /** Every primary: an answer of some of them is no answer. Error: REDIS_UNREACHABLE. */
  #primaries(): readonly NodeClient[] {
    const all = this.#cluster === null ? [this.#single] : this.#cluster.masters.map(({ client }) => client);
    const known = all.filter((client) => client !== null && client !== undefined);
    if (known.length === all.length && known.length > 0) return known;
    throw fail('REDIS_UNREACHABLE', { address: this.address, reason: 'a primary of the cluster is not connected' });
  }

  /** Sent once per connection, before other commands. */
  #identify(client: NodeClient, address: string): Promise<Node> {
    const epoch = client.socketEpoch;
    const known = this.#identities.get(client);
    if (known?.epoch === epoch) return known.node;
    const node = client.sendCommand(['INFO', 'server']).then((info) => ({ address, runId: runIdOf(info) }));
    this.#identities.set(client, { epoch, node });
    node.catch(() => this.#identities.delete(client));
    return node;
  }
}

/** Takes an answer for what the protocol can bring. */
function asReply(value: unknown): Reply {
  return value as Reply;
}

export function textOf(reply: Reply | undefined): string {
  if (reply === undefined || reply === null) return '';
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply);
}

/** The elements of an answer that is a list; none of another. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

export function bytesOf(reply: Reply | undefined): Buffer | null {
  return Buffer.isBuffer(reply) ? reply : null;
}

function textOfCause({ cause }: Error): string {
  return cause instanceof Error ? cause.message : '';
}

function runIdOf(info: unknown): string {
  return /run_id:(\w+)/.exec(Buffer.isBuffer(info) ? info.toString() : String(info))?.[1] ?? '';
}

/** Hosts and ports alone: a URL may carry a password. */
function addressOf({ urls }: RedisOptions): string {
  return urls
    .map((url) => {
      const { hostname, port } = new URL(url);
      return `${hostname}:${port === '' ? '6379' : port}`;
    })
    .join(',');
}

async function loadClient() {
  try {
    return await import('redis');
  } catch (error) {
    throw fail('REDIS_CLIENT', {}, error);
  }
}
