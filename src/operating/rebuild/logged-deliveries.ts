import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { Admission } from '../../features/engine/admission.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import { OFFSET, PARTITION, rawTable } from '../../features/plan/raw-table.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import type { RowsOf } from '../../featurestore/ingest/source-rows.ts';
import { admissionBefore } from '../../featurestore/materialise/admission-before.ts';
import { RAW_READER } from '../../featurestore/materialise/archive.ts';
import { idsFrom } from '../../featurestore/materialise/ids-from.ts';
import { offsetsOf, readDeliveries, type TakeDeliveries } from '../../featurestore/materialise/log-cursor.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { LoggedTable, LogSpan, Rows } from './logged-table.ts';

/** Records whose rows are in memory at once. */
const AT_ONCE = 20_000;

/** A source with the log and the history that have its deliveries. */
export interface DeliverySource {
  readonly source: EventSourceData;
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly rowsOf: RowsOf;
}

/** The deliveries of a source as a logged table: each is judged again, with the ids that were known before it. */
export async function loggedDeliveries(from: DeliverySource): Promise<LoggedTable> {
  const { source, offline } = from;
  return {
    table: rawTable(source),
    topic: topicOf(source),
    placeColumns: { partition: PARTITION, offset: OFFSET },
    published: offsetsOf(await offline.position(RAW_READER), source, []),
    count: (span) => countDeliveries(from, span),
    rows: (span) => judgedRows(from, span),
  };
}

async function countDeliveries(from: DeliverySource, span: LogSpan): Promise<number> {
  let rows = 0;
  await readSpan(from, span, (_p, _o, deliveries) => {
    rows += deliveries.filter((delivery) => !isBlank(delivery)).length;
  });
  return rows;
}

async function* judgedRows(from: DeliverySource, span: LogSpan): AsyncGenerator<Rows> {
  const { partition, to } = span;
  const admission = await admissionAt(from, span);
  for (let at = span.from; at < to; at += AT_ONCE) {
    const rows: (readonly OfflineValue[])[] = [];
    await readSpan(from, { partition, from: at, to: Math.min(to, at + AT_ONCE) }, (_p, first, deliveries) => {
      deliveries.forEach((delivery, i) => {
        if (isBlank(delivery)) return;
        const verdict = admission.judge(delivery, partition);
        rows.push([...delivery.row, delivery.ingestTs, partition, first + i, verdict]);
      });
    });
    yield rows;
  }
}

/** The rule of a source with the ids that it knew before a span. Error: OFFLINE_REBUILD where the log no longer has them. */
async function admissionAt({ source, log, rowsOf }: DeliverySource, span: LogSpan): Promise<Admission> {
  const { memoryMs } = new Admission(source);
  const topic = topicOf(source);
  const ends = await log.ends(topic);
  const { begin } = ends[span.partition];
  const place = { topic, partition: span.partition, next: span.from, begin };
  if (begin > 0 && (await idsFrom(log, place, memoryMs)) <= begin)
    throw fail('OFFLINE_REBUILD', {
      table: rawTable(source).name,
      reason: `the log begins at offset ${begin} of partition ${span.partition}, too late to judge the events at ${span.from}`,
    });
  return admissionBefore({ source, log, rowsOf }, span.partition, span.from);
}

async function readSpan(
  { source, log, rowsOf }: DeliverySource,
  { partition, from, to }: LogSpan,
  take: TakeDeliveries,
): Promise<void> {
  const partitions = (await log.ends(topicOf(source))).length;
  const only = (offset: number) => Array.from({ length: partitions }, (_, p) => (p === partition ? offset : 0));
  await readDeliveries(log, source, rowsOf(source), only(from), take, only(to));
}
