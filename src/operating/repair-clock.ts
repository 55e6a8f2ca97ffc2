import { clockFault } from '../base/clock-fault.ts';
import { FOLLOWED_STEP_MS } from '../base/guarded-clock.ts';
import type { Clock } from '../base/time.ts';
import type { EventSourceData, StreamViewData } from '../features/define/declaration.ts';
import { type Delivery, isBlank } from '../features/engine/delivery.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import type { RowsOf } from '../featurestore/ingest/source-rows.ts';
import { admissionBefore } from '../featurestore/materialise/admission-before.ts';
import { readDeliveries } from '../featurestore/materialise/log-cursor.ts';
import type { EventLog, LogRecord } from '../ports/event-log.ts';

/** Deliveries that are taken again at once. */
const AT_ONCE = 2_000;
/** Records that are read at once. */
const READ_BATCH = 2_000;

export interface RepairClockOptions {
  readonly log: EventLog;
  readonly features: FeatureStore;
  readonly sources: readonly EventSourceData[];
  /** Views whose tiles this process computes. */
  readonly views: readonly StreamViewData[];
  /** Topics of the log besides those of the sources. */
  readonly otherTopics: readonly string[];
  readonly rowsOf: RowsOf;
  readonly clock: Clock;
  /** Writes everything that was taken to every store. */
  readonly flush: () => Promise<void>;
}

/** Records of one topic whose ingest time is still to come. */
export interface TopicAhead {
  readonly topic: string;
  readonly records: number;
  /** The largest of their ingest times, epoch ms. */
  readonly largestTs: number;
  /** Of the events, those that are late by that time alone: they are taken again. */
  readonly dropped: number;
}

/** The findings and the changes of a repair. */
export interface ClockRepair {
  readonly topics: readonly TopicAhead[];
  /** Events that were taken again. */
  readonly redelivered: number;
  /** Records that have other ingest times now; null: the log keeps its ingest times. */
  readonly restamped: number | null;
  /** Views whose tiles were computed from the history again. */
  readonly views: readonly string[];
}

/** The records of a source that are ahead. */
interface SourceAhead {
  readonly source: EventSourceData;
  readonly found: TopicAhead;
  readonly again: readonly Delivery[];
}

/** Looks for records whose ingest time is still to come. Errors: CLOCK_AHEAD, CLOCK_BEHIND, those of the log. */
export async function findClockAhead(options: RepairClockOptions): Promise<readonly TopicAhead[]> {
  const now = trustedNow(options.clock);
  const found = (await sourcesAhead(options, now)).map((one) => one.found);
  for (const topic of options.otherTopics) found.push(await topicAhead(options.log, topic, now));
  return found.filter(({ records }) => records > 0);
}

/**
 * Repairs a log that a clock ahead has written. Events that were dropped as late by that clock alone are taken again, as if they had come
 * at their own times. Then the records get these times, where the log can, and tiles of the views are computed from the history.
 * It may be interrupted and run again: an event counts once. Errors: CLOCK_AHEAD, CLOCK_BEHIND, those of the stores.
 */
export async function repairClock(options: RepairClockOptions): Promise<ClockRepair> {
  const { log, features, views, flush, clock } = options;
  const now = trustedNow(clock);
  const topics = await findClockAhead(options);
  const sources = (await sourcesAhead(options, now)).filter(({ found }) => found.records > 0);
  // First: events that are in the stores keep their verdicts.
  await flush();
  let redelivered = 0;
  for (const { source, again } of sources) {
    for (let at = 0; at < again.length; at += AT_ONCE) await features.replay(source, again.slice(at, at + AT_ONCE));
    redelivered += again.length;
  }
  await flush();
  let restamped: number | null = log.restamp === undefined ? null : 0;
  for (const { topic } of topics) restamped = await restampTopic(log, topic, now, restamped);
  const touched = views.filter((view) => sources.some(({ source }) => source.name === view.source.name));
  for (const view of touched) await features.computeTilesAgain(view);
  return { topics, redelivered, restamped, views: touched.map(({ name }) => name) };
}

/** Now, if nothing contradicts the clock. Errors: CLOCK_AHEAD, CLOCK_BEHIND. */
function trustedNow(clock: Clock): number {
  const fault = clockFault(clock);
  if (fault !== null) throw fault;
  return clock();
}

/** The ingest time that a record gets: its own time, after the last right ingest time and at most now. */
function rightTime(ts: number, lastRight: number, now: number): number {
  return Math.min(now, Math.max(ts, lastRight));
}

function isAhead(ingestTs: number, now: number): boolean {
  return ingestTs > now + FOLLOWED_STEP_MS;
}

function sourcesAhead(options: RepairClockOptions, now: number): Promise<readonly SourceAhead[]> {
  return Promise.all(options.sources.map((source) => sourceAhead(options, source, now)));
}

async function sourceAhead(
  { log, rowsOf }: RepairClockOptions,
  source: EventSourceData,
  now: number,
): Promise<SourceAhead> {
  const found = await topicAhead(log, topicOf(source), now);
  if (found.records === 0) return { source, found, again: [] };
  const from = await firstAhead(log, topicOf(source), now);
  const last = await lastRightBefore(log, topicOf(source), from);
  const rules = await Promise.all(from.map((at, partition) => admissionBefore({ source, log, rowsOf }, partition, at)));
  const again = new Map<string, Delivery>();
  await readDeliveries(log, source, rowsOf(source), from, (partition, _, deliveries) => {
    for (const delivery of deliveries) {
      if (isBlank(delivery)) continue;
      const { id, ts, ingestTs } = delivery;
      const verdict = rules[partition].judge(delivery, partition);
      // Somebody has sent it again since.
      if (verdict === 'accepted') again.delete(id);
      if (!isAhead(ingestTs, now)) last[partition] = ingestTs;
      else if (verdict === 'late' && !again.has(id)) {
        const right = rightTime(ts, last[partition], now);
        if (right - ts <= source.latenessMs) again.set(id, { ...delivery, ingestTs: right });
      }
    }
  });
  return { source, found: { ...found, dropped: again.size }, again: [...again.values()] };
}

async function topicAhead(log: EventLog, topic: string, now: number): Promise<TopicAhead> {
  let records = 0;
  let largestTs = Number.NEGATIVE_INFINITY;
  await eachFrom(log, topic, await firstAhead(log, topic, now), ({ ingestTs }) => {
    if (!isAhead(ingestTs, now)) return;
    records += 1;
    largestTs = Math.max(largestTs, ingestTs);
  });
  return { topic, records, largestTs, dropped: 0 };
}

async function restampTopic(
  log: EventLog,
  topic: string,
  now: number,
  restamped: number | null,
): Promise<number | null> {
  if (log.restamp === undefined || restamped === null) return null;
  const from = await firstAhead(log, topic, now);
  const last = await lastRightBefore(log, topic, from);
  let changed = restamped;
  for (const partition of from.keys()) {
    changed += await log.restamp(topic, partition, ({ ts, ingestTs }, offset) => {
      if (offset < from[partition]) return ingestTs;
      if (isAhead(ingestTs, now)) return rightTime(ts, last[partition], now);
      last[partition] = ingestTs;
      return ingestTs;
    });
  }
  return changed;
}

/** The first offset of each partition whose ingest time is ahead; its end where none is. */
async function firstAhead(log: EventLog, topic: string, now: number): Promise<number[]> {
  const ends = await log.ends(topic);
  return Promise.all(ends.map((_, partition) => log.offsetAtIngest(topic, partition, now + FOLLOWED_STEP_MS + 1)));
}

/** The ingest time before an offset of each partition; -Infinity where the log begins there. */
async function lastRightBefore(log: EventLog, topic: string, from: readonly number[]): Promise<number[]> {
  const ends = await log.ends(topic);
  return Promise.all(
    from.map(async (offset, partition) => {
      if (offset <= ends[partition].begin) return Number.NEGATIVE_INFINITY;
      const { records } = await log.read(topic, partition, offset - 1, 1);
      return records[0]?.ingestTs ?? Number.NEGATIVE_INFINITY;
    }),
  );
}

async function eachFrom(
  log: EventLog,
  topic: string,
  from: readonly number[],
  take: (record: LogRecord) => void,
): Promise<void> {
  for (const [partition, first] of from.entries()) {
    for (let offset = first; ; ) {
      const { records } = await log.read(topic, partition, offset, READ_BATCH);
      if (records.length === 0) break;
      for (const record of records) take(record);
      offset += records.length;
    }
  }
}
