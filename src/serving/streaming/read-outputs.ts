import { fail } from '../../base/errors/fail.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { decodeOutput, type StreamOutput } from './stream-record.ts';

/** An output and the partition of the input that it scores. */
export interface ReadOutput extends StreamOutput {
  readonly partition: number;
}

/** Outputs from a place on, and the place after them. */
export interface OutputPage {
  readonly outputs: readonly ReadOutput[];
  /** The cursor of the next read. */
  readonly next: string;
  /** Nothing comes after `next` yet. */
  readonly isEnd: boolean;
}

/** Where a read begins, and how many outputs it has at most. */
export interface OutputsAsked {
  /** By partition, the first offset in the log of outputs: `12,0,7`; null: the oldest that is kept. */
  readonly cursor: string | null;
  readonly most: number;
}

/** Rejected records of a part of the log. */
export interface RejectedPage extends OutputPage {
  /** The cursor of the part before; null: nothing older is kept. */
  readonly previous: string | null;
}

/** Outputs that one read for rejected records looks at. */
const LOOKED_AT = 8_192;

/** Records that are read of the log at a time. */
const BATCH = 512;

/**
 * Outputs of a stream's log in the order of each partition, one partition after the other. A reader that continues at `next` gets
 * each output once, also across restarts. Errors: STREAM_CURSOR, LOG_TRIMMED, STREAM_RECORD.
 */
export async function readOutputs(
  log: Pick<EventLog, 'read' | 'ends'>,
  { stream, topic }: { readonly stream: string; readonly topic: string },
  { cursor, most }: OutputsAsked,
): Promise<OutputPage> {
  const ends = await log.ends(topic);
  const places = cursor === null ? ends.map(({ begin }) => begin) : placesOf(stream, cursor, ends);
  const outputs: ReadOutput[] = [];
  for (const [partition, { end }] of ends.entries()) {
    while (places[partition] < end && outputs.length < most) {
      const wanted = Math.min(BATCH, most - outputs.length, end - places[partition]);
      const { records } = await log.read(topic, partition, places[partition], wanted);
      if (records.length === 0) break;
      // A record that was blanked has no output any more.
      for (const record of records) if (record.id !== '') outputs.push({ partition, ...decodeOutput(topic, record) });
      places[partition] += records.length;
    }
  }
  return { outputs, next: places.join(','), isEnd: ends.every(({ end }, i) => places[i] >= end) };
}

/**
 * Rejected records among some thousand outputs from a cursor on, or among the newest ones: few of many outputs are rejected, and one
 * read is short. Errors: those of {@link readOutputs}.
 */
export async function readRejected(
  log: Pick<EventLog, 'read' | 'ends'>,
  at: { readonly stream: string; readonly topic: string },
  { cursor, most }: OutputsAsked,
): Promise<RejectedPage> {
  const ends = await log.ends(at.topic);
  const each = Math.ceil(LOOKED_AT / Math.max(1, ends.length));
  const before = (places: readonly number[]) => places.map((place, i) => Math.max(ends[i].begin, place - each));
  const from = cursor === null ? before(ends.map(({ end }) => end)) : placesOf(at.stream, cursor, ends);
  const until = ends.map((span, i) => ({ ...span, end: Math.min(span.end, from[i] + each) }));
  const part = { ends: async () => until, read: log.read.bind(log) };
  const outputs: ReadOutput[] = [];
  let next = from.join(',');
  for (let isEnd = false; !isEnd && outputs.length < most; ) {
    const page = await readOutputs(part, at, { cursor: next, most: BATCH });
    for (const output of page.outputs) if (output.error !== null) outputs.push(output);
    next = page.next;
    isEnd = page.isEnd;
  }
  const isOldest = from.every((place, i) => place <= ends[i].begin);
  const places = next.split(',').map(Number);
  return {
    outputs,
    next,
    isEnd: ends.every(({ end }, i) => places[i] >= end),
    previous: isOldest ? null : before(from).join(','),
  };
}

function placesOf(stream: string, cursor: string, ends: readonly { readonly end: number }[]): number[] {
  const places = cursor.split(',').map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN));
  const isPlace = places.length === ends.length && places.every((place, i) => place <= ends[i].end);
  if (!isPlace) throw fail('STREAM_CURSOR', { stream, cursor, ends: ends.map(({ end }) => end).join(',') });
  return places;
}
