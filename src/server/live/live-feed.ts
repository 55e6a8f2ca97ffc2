import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { HeadraceError } from '../../base/errors/fail.ts';
import { every, type Ticking } from '../../base/ticking.ts';
import { catalogued, errorBody } from '../error-answer.ts';

/** A read whose answer is streamed whenever it changes. */
export interface LiveTopic {
  /** The path of its route, which is its name. */
  readonly path: string;
  /** Time between two reads while somebody watches, ms. */
  readonly everyMs: number;
  /** The answer of the route: JSON text. */
  readonly read: () => Promise<string>;
}

/** A subscription to some topics. */
export interface Subscription {
  readonly topics: readonly string[];
  /** The field `last-event-id`; only later changes are sent. Null, or of another process: everything is. */
  readonly lastId: string | null;
  /** Aborted when the subscriber goes away. */
  readonly gone: AbortSignal;
  /** Throws when the subscriber may no longer read: its stream ends. */
  readonly check: () => void;
}

/** The live feed of a server, and who may watch what. */
export interface Live {
  readonly feed: LiveFeed;
  /** Checks a caller for some topics by the scopes of their routes. Errors: AUTH_*. */
  readonly check: (paths: readonly string[], authorization: string | null) => void;
}

/** A topic as it was read last. */
interface Standing {
  readonly topic: LiveTopic;
  /** JSON text of an event. */
  text: string;
  /** The event of the newest change: bytes that every subscriber gets. */
  frame: Buffer;
  /** The number of its newest change; 0: never read. */
  changed: number;
  watchers: number;
  reading: Ticking | null;
}

/** A subscriber without a change gets the time this often, ms: silence then means that the connection is lost. */
const BEAT_MS = 5_000;

const NO_BYTES = Buffer.alloc(0);

/**
 * Reads topics while somebody watches them, once for all subscribers, and streams what changes as server-sent events
 * (HTML Living Standard, 9.2). A slow subscriber gets the newest state of a topic, never a queue of old ones.
 *
 * ```
 * stream = "retry: 2000" LF LF *(state / beat)
 * state  = "id: " process "." number LF "event: " path LF "data: " json LF LF   ; {"at", "value"} or {"at", "error"}
 * beat   = "event: beat" LF "data: " json LF LF                                  ; {"at"}
 * ```
 */
export class LiveFeed {
  readonly #process = randomBytes(6).toString('hex');
  readonly #standings: ReadonlyMap<string, Standing>;
  readonly #hide: (text: string) => string;
  #count = 0;
  #closed = false;
  #turns: Promise<void> = Promise.resolve();
  /** Those that wait for a change. */
  readonly #waiting = new Set<() => void>();

  /** `hide` takes out of a text what may not leave the server. */
  constructor(topics: readonly LiveTopic[], hide: (text: string) => string) {
    this.#hide = hide;
    this.#standings = new Map(
      topics.map((topic) => [topic.path, { topic, text: '', frame: NO_BYTES, changed: 0, watchers: 0, reading: null }]),
    );
  }

  /** The paths that can be watched. */
  get paths(): readonly string[] {
    return [...this.#standings.keys()];
  }

  /** The events of a subscription, until the subscriber leaves, may no longer read, or the feed is closed. */
  async *events({ topics, lastId, gone, check }: Subscription): AsyncGenerator<Buffer, void> {
    const watched = topics.flatMap((path) => this.#standings.get(path) ?? []);
    const wake = () => this.#wakeAll();
    gone.addEventListener('abort', wake);
    for (const one of watched) this.#watch(one);
    try {
      let sent = this.#numberOf(lastId);
      yield Buffer.from('retry: 2000\n\n');
      while (!this.#closed && !gone.aborted && isAllowed(check)) {
        const upTo = this.#count;
        const news = watched.filter(({ changed }) => changed > sent);
        for (const { frame } of news) yield frame;
        sent = Math.max(sent, upTo);
        if (news.length === 0 && !(await this.#change())) yield beat();
      }
    } finally {
      gone.removeEventListener('abort', wake);
      for (const one of watched) this.#unwatch(one);
    }
  }

  /** Ends every stream, and waits for the reads under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeAll();
    await Promise.all([...this.#standings.values()].map(({ reading }) => reading?.stop()));
  }

  /** A number of this process; 0 for any other id. */
  #numberOf(lastId: string | null): number {
    const [process, number] = lastId?.split('.') ?? [];
    return process === this.#process && /^\d{1,15}$/.test(number ?? '') ? Number(number) : 0;
  }

  #watch(one: Standing): void {
    one.watchers += 1;
    if (one.reading !== null) return;
    const read = async () => {
      await this.#ownTurn();
      if (one.watchers > 0) await this.#read(one);
    };
    one.reading = every(one.topic.everyMs, read, () => undefined);
    void read();
  }

  #unwatch(one: Standing): void {
    one.watchers -= 1;
    if (one.watchers > 0) return;
    void one.reading?.stop();
    one.reading = null;
  }

  /** Topics that are due at once are read in turns of the event loop: requests are answered in between. */
  #ownTurn(): Promise<void> {
    this.#turns = this.#turns.then(() => setImmediate());
    return this.#turns;
  }

  async #read(one: Standing): Promise<void> {
    const said = await one.topic.read().then(
      (value) => `"value":${value}`,
      (error: unknown) => errorMember(catalogued(error)),
    );
    const before = one.text.slice(one.text.indexOf(',') + 1, -1);
    const hidden = this.#hide(said);
    if (before === hidden) return;
    one.text = `{"at":${Date.now()},${hidden}}`;
    this.#count += 1;
    one.changed = this.#count;
    one.frame = Buffer.from(`id: ${this.#process}.${one.changed}\nevent: ${one.topic.path}\ndata: ${one.text}\n\n`);
    this.#wakeAll();
  }

  /** Waits for a change of any topic, or for a beat; whether there was one. */
  #change(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (changed: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(changed);
      };
      const wake = () => done(true);
      const timer = setTimeout(() => done(false), BEAT_MS);
      this.#waiting.add(wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

function beat(): Buffer {
  return Buffer.from(`event: beat\ndata: {"at":${Date.now()}}\n\n`);
}

function errorMember(error: HeadraceError): string {
  return JSON.stringify(errorBody(error)).slice(1, -1);
}

function isAllowed(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
