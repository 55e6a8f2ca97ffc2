import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { TellUnreadable } from './log-cursor.ts';

/** Takes a record that nobody can read; the error (LOG_FOREIGN) names its place. */
export type TakeUnreadable = (source: EventSourceData, payload: Uint8Array, error: HeadraceError) => void;

/** How many records of a topic could not be read since the start, and the place of the last. */
export interface UnreadableReport {
  readonly source: string;
  readonly topic: string;
  readonly records: number;
  readonly partition: number;
  readonly offset: number;
}

/** The records of a shared log that nobody can read: each is reported once, however often the log is read again. */
export class UnreadableRecords {
  readonly #take: TakeUnreadable;
  readonly #reports = new Map<string, UnreadableReport>();
  /** By topic and partition, the offset of the last reported one. */
  readonly #toldTo = new Map<string, number>();

  constructor(take: TakeUnreadable) {
    this.#take = take;
  }

  of(source: EventSourceData): TellUnreadable {
    const topic = topicOf(source);
    return (partition, offset, payload, reason) => {
      const place = `${topic} ${partition}`;
      if (offset <= (this.#toldTo.get(place) ?? -1)) return;
      this.#toldTo.set(place, offset);
      const records = (this.#reports.get(topic)?.records ?? 0) + 1;
      this.#reports.set(topic, { source: source.name, topic, records, partition, offset });
      this.#take(source, payload, fail('LOG_FOREIGN', { topic, partition, offset, reason }));
    };
  }

  reports(): readonly UnreadableReport[] {
    return [...this.#reports.values()];
  }
}
