import { useSyncExternalStore } from 'react';
import type { paths } from '../../.generated/api.d.ts';
import { type ApiError, apiError, asApiError } from './api-error.ts';
import { base } from './base.ts';
import { streamEvents } from './event-stream.ts';
import { authorization } from './key.ts';

/** Routes whose answers `GET /v1/live` streams. */
export type LivePath =
  | '/v1/status'
  | '/v1/budgets'
  | '/v1/models'
  | '/v1/rollouts'
  | '/v1/alerts'
  | '/v1/playbooks'
  | '/v1/drift'
  | '/v1/training-runs'
  | '/v1/admin/jobs'
  | '/v1/labs';

/** The answer of a watched route. */
export type LiveAnswer<P extends LivePath> = paths[P] extends {
  get: { responses: { 200: { content: { 'application/json': infer T } } } };
}
  ? T
  : never;

/** A route as it was read last. */
export interface Reading<T> {
  readonly value: T | null;
  /** Time of the value, epoch ms; null: none came yet. */
  readonly at: number | null;
  readonly error: ApiError | null;
}

/** The state of the one subscription of the page. */
export interface Connection {
  readonly state: 'connecting' | 'live' | 'lost';
  /** When the server was heard last, epoch ms; null: never. */
  readonly heardAt: number | null;
  readonly error: ApiError | null;
}

const NOTHING: Reading<never> = { value: null, at: null, error: null };

/** A server that is silent for this long is lost: it sends the time every five seconds. */
const SILENT_MS = 12_000;
const RETRY_MS = 2_000;
/** Pages come and go within this, ms: their topics share one stream. */
const GATHER_MS = 30;

class Live {
  readonly #wanted = new Map<LivePath, number>();
  readonly #readings = new Map<LivePath, Reading<unknown>>();
  readonly #listeners = new Set<() => void>();
  #connection: Connection = { state: 'connecting', heardAt: null, error: null };
  #abort: AbortController | null = null;
  #lastId: string | null = null;
  #open = '';
  #gathering: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    // A browser has few connections for a server: pages that nobody sees leave theirs to others.
    document.addEventListener('visibilitychange', () => this.#gather());
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly connection = (): Connection => this.#connection;

  reading<P extends LivePath>(path: P): Reading<LiveAnswer<P>> {
    return (this.#readings.get(path) as Reading<LiveAnswer<P>> | undefined) ?? NOTHING;
  }

  want(path: LivePath): () => void {
    this.#wanted.set(path, (this.#wanted.get(path) ?? 0) + 1);
    this.#gather();
    return () => {
      const left = (this.#wanted.get(path) ?? 1) - 1;
      if (left === 0) this.#wanted.delete(path);
      else this.#wanted.set(path, left);
      this.#gather();
    };
  }

  /** Connects again, with another key for instance. */
  restart(): void {
    this.#readings.clear();
    this.#stop();
    this.#gather();
  }

  #gather(): void {
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => this.#follow(), GATHER_MS);
  }

  #follow(): void {
    const topics = document.visibilityState === 'hidden' ? '' : [...this.#wanted.keys()].join(',');
    if (topics === this.#open) return;
    this.#stop();
    this.#open = topics;
    if (topics === '') return;
    this.#abort = new AbortController();
    void this.#run(topics, this.#abort);
  }

  #stop(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.#open = '';
    this.#lastId = null;
  }

  async #run(topics: string, own: AbortController): Promise<void> {
    while (!own.signal.aborted) {
      try {
        await this.#stream(topics, own.signal);
        if (!own.signal.aborted) this.#say({ ...this.#connection, state: 'lost' });
      } catch (error) {
        if (!own.signal.aborted) this.#say({ ...this.#connection, state: 'lost', error: asApiError(error) });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #stream(topics: string, signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENT_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      this.#connection = { state: 'live', heardAt: Date.now(), error: null };
    };
    try {
      const response = await fetch(`${base}/v1/live?topics=${encodeURIComponent(topics)}`, {
        headers: { ...authorization(), ...(this.#lastId === null ? {} : { 'last-event-id': this.#lastId }) },
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!response.ok || response.body === null)
        throw apiError(response.status, await response.json().catch(() => null));
      for await (const { id, event, data } of streamEvents(response.body)) {
        if (signal.aborted) return;
        heard();
        if (id !== null) this.#lastId = id;
        if (event !== 'beat') this.#take(event as LivePath, JSON.parse(data));
        this.#tell();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(path: LivePath, { at, value, error }: { at: number; value?: unknown; error?: unknown }): void {
    const before = this.#readings.get(path) ?? NOTHING;
    const failed = error === undefined ? null : apiError(503, { error });
    this.#readings.set(path, failed === null ? { value, at, error: null } : { ...before, error: failed });
  }

  #say(connection: Connection): void {
    this.#connection = connection;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

// Pure: a page that watches nothing leaves it out.
export const live = /* @__PURE__ */ new Live();

/** Watches a route while the component is shown. */
export function useLive<P extends LivePath>(path: P): Reading<LiveAnswer<P>> {
  return useSyncExternalStore(watcherOf(path), () => live.reading(path));
}

/** The state of the subscription of the page. */
export function useConnection(): Connection {
  return useSyncExternalStore(live.listen, live.connection);
}

const watchers = new Map<LivePath, (listener: () => void) => () => void>();

/** The same function for each path, so that a render does not subscribe again. */
function watcherOf(path: LivePath): (listener: () => void) => () => void {
  const made =
    watchers.get(path) ??
    ((listener: () => void) => {
      const unlisten = live.listen(listener);
      const leave = live.want(path);
      return () => {
        unlisten();
        leave();
      };
    });
  watchers.set(path, made);
  return made;
}
