import { fail } from '../../base/errors/fail.ts';
import type { StreamInferenceData } from '../../features/define/declaration.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { StreamLane, StreamLanes } from '../../ports/stream-lanes.ts';
import type { ShareGroup } from '../../ports/tile-shares.ts';
import { ControlLog } from './control-log.ts';
import { LogLane } from './log-lane.ts';

/** The topics of a stream. No event source has a hyphen in its name, so none has these topics. */
export function streamTopics({ name, to }: Pick<StreamInferenceData, 'name' | 'to'>) {
  return { live: `streamed-${to}@1`, shadow: `streamed-${to}-shadow@1`, control: `stream-${name}-control@1` };
}

export interface OpenLanesOptions {
  readonly data: StreamInferenceData;
  readonly log: EventLog;
  readonly lanes: StreamLanes | null;
  readonly inputTopic: string;
  readonly partitions: number;
}

/** The control log and the lanes of a stream, and who divides its partitions. */
export interface OpenLanes {
  readonly control: ControlLog;
  readonly live: StreamLane;
  readonly shadow: StreamLane;
  readonly group: ShareGroup | null;
  /** By topic, the first offsets that a restart reads. */
  keepFrom(): Readonly<Record<'live' | 'shadow' | 'control', readonly number[]>>;
  /** The next offsets of all owners; null: this process owns all. */
  nexts(): Promise<readonly number[] | null>;
  /** Error: STREAM_PARTITIONS. */
  checkPartitions(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the control log of a stream. Errors: STREAM_RECORD, those of the log. */
export function openControl({ data, log, partitions }: Pick<OpenLanesOptions, 'data' | 'log' | 'partitions'>) {
  return ControlLog.open({ log, topic: streamTopics(data).control, partitions });
}

/** Opens a stream's lanes. Errors: STREAM_RECORD, those of the log. */
export async function openLanes(options: OpenLanesOptions): Promise<OpenLanes> {
  const { data, log, partitions, lanes } = options;
  const { live, shadow } = streamTopics(data);
  const control = await openControl(options);
  if (lanes !== null) return openShared(options, lanes, control);
  const [ours, theirs] = [await LogLane.open(log, live, partitions), await LogLane.open(log, shadow, partitions)];
  return {
    control,
    live: ours,
    shadow: theirs,
    group: null,
    keepFrom: () => ({ live: ours.keepFrom, shadow: theirs.keepFrom, control: [0] }),
    nexts: async () => null,
    checkPartitions: async () => undefined,
    close: async () => undefined,
  };
}

async function openShared(
  { data, log, partitions, inputTopic }: OpenLanesOptions,
  lanes: StreamLanes,
  control: ControlLog,
): Promise<OpenLanes> {
  const { name, to } = data;
  const topics = streamTopics(data);
  for (const topic of [topics.live, topics.shadow]) await log.openTopic(topic, partitions);
  const reader = `stream-${name}`;
  const place = { inputTopic, partitions };
  const positions = `streamed-${to}-positions@1`;
  const live = await lanes.open({ ...place, reader, outputs: topics.live, positions });
  const beside = { reader: `${reader}-shadow`, positions: `streamed-${to}-shadow-positions@1` };
  const shadow = await lanes.open({ ...place, ...beside, outputs: topics.shadow });
  const all = new Array<number>(partitions).fill(Number.POSITIVE_INFINITY);
  return {
    control,
    live,
    shadow,
    group: await lanes.join(reader, inputTopic),
    // Positions have topics of their own: every output may go.
    keepFrom: () => ({ live: all, shadow: all, control: [0] }),
    nexts: async () => log.committed(reader, inputTopic),
    checkPartitions: async () => {
      const found = await lanes.partitionsOf(inputTopic);
      if (found !== partitions)
        throw fail('STREAM_PARTITIONS', { stream: name, topic: inputTopic, found, known: partitions });
    },
    close: async () => {
      await live.close();
      await shadow.close();
    },
  };
}
