import { valueBytes } from '../../base/value-bytes.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { Admission, type Verdict } from '../../features/engine/admission.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { TableAppend } from '../../ports/offline-store.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { GrowingColumn } from './growing-column.ts';
import { readDeliveries, type TakeDeliveries } from './log-cursor.ts';
import { rememberIds } from './remember-ids.ts';

/** Bytes of the place and the verdict of a delivery. */
const PLACE_BYTES = 60;

/** Deliveries of one source on their way to its raw table, by column. */
export class RawBuffer {
  readonly source: EventSourceData;
  /** Next offset to take, by partition. */
  readonly next: number[];
  /** Of its rows, estimated. */
  bytes = 0;
  #rows = 0;
  #columns: GrowingColumn[];

  constructor(source: EventSourceData, next: number[]) {
    this.source = source;
    this.next = next;
    this.#columns = this.#empty();
  }

  get rows(): number {
    return this.#rows;
  }

  /** Takes deliveries that come next; what it has already is passed over. */
  take(partition: number, offset: number, deliveries: readonly Delivery[], verdicts: readonly Verdict[]): void {
    const known = this.next[partition] - offset;
    if (known < 0) return;
    const columns = this.#columns;
    const width = columns.length - 4;
    for (let d = known; d < deliveries.length; d += 1) {
      const { row, ingestTs } = deliveries[d];
      if (row.length === 0) continue;
      let bytes = PLACE_BYTES;
      for (let c = 0; c < width; c += 1) {
        columns[c].push(row[c]);
        bytes += valueBytes(row[c]);
      }
      this.bytes += bytes;
      columns[width].push(ingestTs);
      columns[width + 1].push(partition);
      columns[width + 2].push(offset + d);
      columns[width + 3].push(verdicts[d]);
      this.#rows += 1;
    }
    this.next[partition] = Math.max(this.next[partition], offset + deliveries.length);
  }

  drain(): {
    readonly topic: string;
    readonly next: readonly number[];
    readonly append: TableAppend;
    readonly bytes: number;
  } {
    const { bytes } = this;
    this.bytes = 0;
    const rows = this.#rows;
    const columns = this.#columns.map((column) => column.values(rows));
    this.#columns = this.#empty();
    this.#rows = 0;
    return {
      topic: topicOf(this.source),
      next: [...this.next],
      bytes,
      append: { table: rawTable(this.source), rows, columns },
    };
  }

  #empty(): GrowingColumn[] {
    return Object.keys(rawTable(this.source).columns).map(() => new GrowingColumn());
  }
}

/** Takes from the log what a buffer does not have, up to `to`, judged again with the ids that were known before it. */
export async function refill(
  buffer: RawBuffer,
  { log, rowsOf }: { readonly log: EventLog; readonly rowsOf: RowsOf },
  to: readonly number[] | undefined,
  relieve: () => Promise<void> | undefined,
): Promise<void> {
  const { source } = buffer;
  const from = [...buffer.next];
  const ends = to ?? (await log.ends(topicOf(source))).map(({ end }) => end);
  if (from.every((next, partition) => next >= ends[partition])) return;
  const admission = new Admission(source);
  await rememberIds(log, source, rowsOf(source), admission, from);
  const take: TakeDeliveries = (partition, offset, deliveries) => {
    const verdicts = deliveries.map((delivery) =>
      delivery.row.length === 0 ? 'duplicate' : admission.judge(delivery, partition),
    );
    buffer.take(partition, offset, deliveries, verdicts);
    return relieve();
  };
  await readDeliveries(log, source, rowsOf(source), from, take, ends);
}
