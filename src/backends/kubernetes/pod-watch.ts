import { z } from 'zod';
import { type Pod, podSchema } from './pod.ts';

/** The API server, as a watch of the pods of one job needs it. */
export interface WatchedPods {
  /** The pods now, and the version of their list. Error: RUN_UNREACHABLE. */
  list(): Promise<{ readonly items: readonly Omit<Pod, 'isDeleted'>[]; readonly version: string }>;
  /** Opens the stream of changes after a version. */
  stream(version: string, signal: AbortSignal): Promise<Response>;
}

const eventSchema = z.object({ type: z.string(), object: z.unknown() });

/** The longest line of a watch, characters: an object has at most 1.5 MB. */
const MOST_LINE = 2_000_000;

/**
 * Remembers every pod of a job, also one that was deleted between two looks: an evicted pod is often gone before the next. The
 * list is the truth, the watch adds what it misses. A watch that ended, or whose version is too old (410), begins again at the next look.
 */
export class PodWatch {
  readonly #api: WatchedPods;
  readonly #seen = new Map<string, Pod>();
  readonly #stopped = new AbortController();
  #running: Promise<void> | null = null;

  constructor(api: WatchedPods) {
    this.#api = api;
  }

  /** Pods that exist, and those that did; the newest first. Error: RUN_UNREACHABLE. */
  async pods(): Promise<readonly Pod[]> {
    const { items, version } = await this.#api.list();
    const names = new Set(items.map(({ metadata }) => metadata.name));
    for (const pod of items) this.#seen.set(pod.metadata.name, { ...pod, isDeleted: false });
    for (const [name, pod] of this.#seen) if (!names.has(name)) this.#seen.set(name, { ...pod, isDeleted: true });
    this.#running ??= this.#follow(version).finally(() => {
      this.#running = null;
    });
    return [...this.#seen.values()].toSorted((a, b) =>
      a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1,
    );
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Ends with its stream, and throws nothing: the next look lists again. */
  async #follow(version: string): Promise<void> {
    try {
      const { ok, body } = await this.#api.stream(version, this.#stopped.signal);
      if (!ok || body === null) return;
      let rest = '';
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MOST_LINE || !lines.every((line) => this.#take(line))) return;
      }
    } catch {
      // The server went, sent no JSON, or the back end was closed.
    }
  }

  /** False: the stream cannot continue. */
  #take(line: string): boolean {
    if (line.trim() === '') return true;
    const { type, object } = eventSchema.parse(JSON.parse(line));
    if (type === 'ERROR') return false;
    const pod = podSchema.safeParse(object);
    if (type !== 'BOOKMARK' && pod.success)
      this.#seen.set(pod.data.metadata.name, { ...pod.data, isDeleted: type === 'DELETED' });
    return true;
  }
}
