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

function placesOf(stream: string, cursor: string, ends: readonly { readonly end: number }[]): number[] {
  const places = cursor.split(',').map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN));
  const isPlace = places.length === ends.length && places.every((place, i) => place <= ends[i].end);
  if (!isPlace) throw fail('STREAM_CURSOR', { stream, cursor, ends: ends.map(({ end }) => end).join(',') });
  return places;
}
