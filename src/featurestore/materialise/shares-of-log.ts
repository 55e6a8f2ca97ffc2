import type { EventSourceData } from '../../features/define/declaration.ts';
import { topicOf } from '../../features/define/topic-of.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { SharePlace } from '../../ports/tile-shares.ts';
import { idsNeededFrom } from './admission-before.ts';
import type { SourceState } from './source-judge.ts';

/** The processes that make the tiles of the log, for the one that judges all of it. */
export class SharesOfLog {
  readonly #log: EventLog;
  readonly #store: OnlineStore;

  constructor(log: EventLog, store: OnlineStore) {
    this.#log = log;
    this.#store = store;
  }

  /** Whether the log lacks records that a share is to read: then the history fills the tiles, and shares begin with the log. */
  async lack(states: Iterable<SourceState>): Promise<boolean> {
    const places = await this.#places();
    for (const { source, hasViews } of states) {
      if (!hasViews) continue;
      const topic = topicOf(source);
      const ends = await this.#log.ends(topic);
      if (ends.some(({ begin }, share) => begin > (places[share]?.[topic] ?? 0))) return true;
    }
    return false;
  }

  /** Keeps them from writing until the store is confirmed; `forgets`: where they stood, too. */
  async close(forgets: boolean): Promise<void> {
    await this.#store.remote?.closeShares(forgets);
  }

  /** Deliveries of a source, up to some offsets, that are not in the tiles. */
  async missing(source: EventSourceData, to: readonly number[]): Promise<number> {
    const places = await this.#places();
    return to.reduce((sum, end, share) => sum + Math.max(0, end - (places[share]?.[topicOf(source)] ?? 0)), 0);
  }

  /** By partition, the first offset that a process which takes a share over has to read. */
  async keepFrom(source: EventSourceData): Promise<readonly number[]> {
    const topic = topicOf(source);
    const places = await this.#places();
    const ends = await this.#log.ends(topic);
    const next = ends.map(({ begin }, share) => Math.max(begin, places[share]?.[topic] ?? 0));
    return idsNeededFrom({ source, log: this.#log }, next);
  }

  async #places(): Promise<readonly (SharePlace | null)[]> {
    return (await this.#store.remote?.sharePlaces()) ?? [];
  }
}
