import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { sharedNames, sharedPath } from '../../test/gpu/shared-data.ts';

/** A span of a recorded trace as it stands in the file. Microseconds. */
export interface RawSpan {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, unknown>>;
}

interface RawEvent extends Partial<RawSpan> {
  readonly ph?: string;
  readonly id?: number;
}

let last: { readonly start: string; readonly events: readonly RawEvent[] } | undefined;

/**
 * The events of the recorded trace whose name begins so, without our reader: what others read is looked up here. The last one
 * is kept, since several numbers of a file are asked for in a row.
 */
function rawEvents(start: string): readonly RawEvent[] {
  if (last?.start !== start) last = { start, events: eventsOf(start) };
  return last.events;
}

function eventsOf(start: string): readonly RawEvent[] {
  const name = sharedNames('torch_trace').find((known) => known.startsWith(start)) ?? '';
  const bytes = readFileSync(sharedPath(`torch_trace/${name}`));
  const file: { traceEvents: readonly RawEvent[] } = JSON.parse(
    (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString(),
  );
  return file.traceEvents;
}

/** Its spans (`ph` X). */
export function rawSpans(start: string): readonly RawSpan[] {
  return rawEvents(start).flatMap(({ ph, cat = '', name = '', ts, dur, args = {} }) =>
    ph === 'X' && ts !== undefined && dur !== undefined ? [{ cat, name, ts, dur, args }] : [],
  );
}

/** The ids of flows from a call to the GPU that begin in it. */
export function rawFlowIds(start: string): ReadonlySet<number> {
  return new Set(
    rawEvents(start).flatMap(({ ph, cat, id }) => (ph === 's' && cat === 'ac2g' && id !== undefined ? [id] : [])),
  );
}

/** A span that can be found in its file: `"Stream Sync" at 123.4 µs`. */
export function spanText({ name, ts }: Pick<RawSpan, 'name' | 'ts'>): string {
  return `"${name.slice(0, 40).replaceAll('|', ' ')}" at ${Number(ts.toFixed(3))} µs`;
}
