import type { Clock } from '../../../base/time.ts';
import type { EventSourceData } from '../../../features/define/declaration.ts';
import type { Delivery } from '../../../features/engine/delivery.ts';
import type { EventLog, LogRecord } from '../../../ports/event-log.ts';
import type { Value } from '../../../schema/column.ts';
import { scaledFromText } from '../../../schema/decimal.ts';
import type { PlacedOutput } from './output-reader.ts';

/** Takes deliveries of a source; returns how many of them came too late to count. */
export type FeedSource = (source: EventSourceData, deliveries: readonly Delivery[]) => Promise<number>;

export interface ScoreFeedOptions {
  readonly source: EventSourceData;
  /** The input of the stream. */
  readonly log: Pick<EventLog, 'read' | 'ends'>;
  readonly inputTopic: string;
  readonly decode: (payload: Uint8Array) => readonly Value[];
  /** By partition, the first place of an output that came while the source was declared: earlier ones are stamped with the time of scoring. */
  readonly since: readonly number[];
  readonly feed: FeedSource;
  readonly clock: Clock;
}

/** Scores that are no events that count, since the start. */
export type FeedCounts = { -readonly [Name in 'late' | 'eventless' | 'unfit']: number };

/** Makes an event of each score: the event that was scored, its score and its version. A repeated feed gives the same ids. */
export class ScoreFeed {
  readonly counts: FeedCounts = { late: 0, eventless: 0, unfit: 0 };
  readonly #options: ScoreFeedOptions;
  /** Digits of a score after the point. */
  readonly #scale: number;

  constructor(options: ScoreFeedOptions) {
    this.#options = options;
    const { columns, scores } = options.source;
    this.#scale = columns[scores?.score ?? '']?.scale ?? 0;
  }

  /** Errors: those of the log and of a feed. */
  async take(outputs: readonly PlacedOutput[]): Promise<void> {
    const { source, feed } = this.#options;
    const deliveries: Delivery[] = [];
    const skipped = { eventless: 0, unfit: 0 };
    for (const [partition, scored] of Map.groupBy(outputs.filter(isScored), (output) => output.partition)) {
      const events = await this.#eventsOf(partition, scored);
      for (const output of scored) {
        const row = events.get(output.offset);
        const decimal = scaledFromText(output.score.toFixed(this.#scale), this.#scale);
        if (row === undefined) skipped.eventless += 1;
        else if (decimal === null) skipped.unfit += 1;
        else deliveries.push(this.#deliveryOf(output, [...row, decimal, output.version]));
      }
    }
    const late = deliveries.length === 0 ? 0 : await feed(source, deliveries);
    this.counts.late += late;
    this.counts.eventless += skipped.eventless;
    this.counts.unfit += skipped.unfit;
  }

  #deliveryOf(output: ScoredOutput, row: readonly Value[]): Delivery {
    const { since, clock } = this.#options;
    const { id, at: ts, partition, place, scoredAt } = output;
    const ingestTs = place < (since[partition] ?? 0) ? scoredAt : clock();
    return { id, ts, ingestTs, row };
  }

  /** By offset, the rows of the events that were scored; a forgotten or trimmed one has none. */
  async #eventsOf(partition: number, scored: readonly ScoredOutput[]): Promise<ReadonlyMap<number, readonly Value[]>> {
    const { log, inputTopic, decode } = this.#options;
    const { begin } = (await log.ends(inputTopic))[partition];
    const rows = new Map<number, readonly Value[]>();
    const wanted = new Map(scored.map(({ offset, id }) => [offset, id]));
    const to = Math.max(...wanted.keys()) + 1;
    for (let from = Math.max(begin, Math.min(...wanted.keys())); from < to; ) {
      const records: readonly LogRecord[] = (await log.read(inputTopic, partition, from, to - from)).records;
      if (records.length === 0) break;
      for (const [i, { id, payload, foreign }] of records.entries())
        if (id !== '' && foreign === undefined && wanted.get(from + i) === id) rows.set(from + i, decode(payload));
      from += records.length;
    }
    return rows;
  }
}

type ScoredOutput = PlacedOutput & { readonly score: number };

function isScored(output: PlacedOutput): output is ScoredOutput {
  return output.score !== null;
}
