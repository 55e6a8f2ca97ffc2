import { isHeadraceError } from '../../../base/errors/fail.ts';
import type { Clock } from '../../../base/time.ts';
import type { StreamInferenceData } from '../../../features/define/declaration.ts';
import type { LoggedTopic } from '../../../featurestore/feature-store-options.ts';
import { topicOf } from '../../../featurestore/ingest/gateway.ts';
import type { EventLog } from '../../../ports/event-log.ts';
import { streamTopics } from '../open-lanes.ts';
import { decodeOutput } from '../stream-record.ts';
import type { OutputTarget } from './stream-outputs.ts';

export interface HeldOptions {
  readonly log: EventLog;
  readonly clock: Clock;
  /** null: they are not open yet, and all may read everything. */
  readonly targets: () => readonly OutputTarget[] | null;
}

/** The outputs that no target has taken: the log keeps them, but not for ever for a sink that is away. */
export function heldOutputs(streams: readonly StreamInferenceData[], options: HeldOptions): readonly LoggedTopic[] {
  return streams.map((data) => {
    const topic = streamTopics(data).live;
    return { topic, keepFrom: () => neededOutputs(topic, options, holdsLog(options.clock)) };
  });
}

/** The events whose scores are not events of their source yet. */
export function neededInput(data: StreamInferenceData, options: HeldOptions): LoggedTopic {
  const { log } = options;
  const topic = streamTopics(data).live;
  return {
    topic: topicOf(data.from),
    keepFrom: async () => {
      const needed = await neededOutputs(topic, options, ({ kind }) => kind === 'source');
      const ends = await log.ends(topic);
      return Promise.all(
        needed.map((place, partition) =>
          place >= ends[partition].end ? Number.POSITIVE_INFINITY : inputOf(log, topic, partition, place),
        ),
      );
    },
  };
}

/** By partition, the first output that some targets have not taken. */
async function neededOutputs(
  topic: string,
  { log, targets }: HeldOptions,
  isMeant: (target: OutputTarget) => boolean,
): Promise<readonly number[]> {
  const ends = await log.ends(topic);
  const open = targets();
  if (open === null) return ends.map(() => 0);
  let needed: readonly number[] = ends.map(({ end }) => end);
  for (const { readerName } of open.filter((target) => target.topic === topic && isMeant(target))) {
    const taken = await log.committed(readerName, topic);
    needed = needed.map((offset, partition) => Math.min(offset, taken?.[partition] ?? 0));
  }
  return needed;
}

function holdsLog(clock: Clock): (target: OutputTarget) => boolean {
  return ({ sink, holdMs }) => clock() - (sink?.failingSince ?? clock()) < holdMs;
}

/** The offset of the event that an output is of; 0 where the place has no output. */
async function inputOf(log: EventLog, topic: string, partition: number, place: number): Promise<number> {
  try {
    const [record] = (await log.read(topic, partition, place, 1)).records;
    return record === undefined || record.id === '' ? 0 : decodeOutput(topic, record).offset;
  } catch (error) {
    // The mark of a transaction, or a place that is gone.
    if (isHeadraceError(error, 'LOG_FOREIGN') || isHeadraceError(error, 'LOG_TRIMMED')) return 0;
    throw error;
  }
}
