import { fail, type HeadraceError } from '../base/errors/fail.ts';
import { DAY_MS } from '../base/time.ts';
import type { ColumnSpec } from './column.ts';

/** Units of epoch time that are not milliseconds. */
export type EpochUnit = 'seconds' | 'microseconds' | 'nanoseconds';

/** The milliseconds that one is. */
const UNIT_MS = { seconds: 1_000, microseconds: 1e-3, nanoseconds: 1e-6 } as const;
const UNITS: readonly EpochUnit[] = ['seconds', 'microseconds', 'nanoseconds'];

/** Instants before September 1982, and those more than ten years ahead, are no likely reading of a number. */
export const EARLIEST_MS = 4e11;
const AHEAD_MS = 3_660 * DAY_MS;

/** Event times order as 15 digits once 10^14 is added: the years -1199 to 30489. */
export const FIRST_EVENT = -1e14;
export const LAST_EVENT = 9e14 - 1;

/** Whether events can have this time. */
export function isEventTime(ms: number): boolean {
  return ms >= FIRST_EVENT && ms <= LAST_EVENT;
}

/** The accepted instants of a read, a span or a row, for an error's text. */
const INSTANT_TEXT = 'epoch milliseconds, a whole number at most ten years from now';

/** A span of instants, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The unit that a number must be in: it is an instant of our time in that unit, and is none in milliseconds. Null where it counts as
 * milliseconds, or where no unit makes it likely. Instants within `counts` are milliseconds in any case.
 */
export function wrongUnit(value: number, now: number, counts: Span | null = null): EpochUnit | null {
  if (counts !== null && value >= counts.from && value <= counts.to) return null;
  const likely = (ms: number) => ms >= EARLIEST_MS && ms <= now + AHEAD_MS;
  if (likely(value)) return null;
  return UNITS.find((unit) => likely(value * UNIT_MS[unit])) ?? null;
}

/** The same for an instant that no clock has judged: a whole day of January 1970 is a date, such as a birthday. */
export function wrongUnitOf(value: number, now: number, { range }: Pick<ColumnSpec, 'range'> = {}): EpochUnit | null {
  if (value % DAY_MS === 0 && value < EARLIEST_MS) return null;
  return wrongUnit(value, now, range === undefined ? null : { from: range[0], to: range[1] });
}

/** SQL that is true for the whole numbers of a cell that {@link wrongUnitOf} takes for another unit. */
export function wrongUnitSql(cell: string, now: number, { range }: Pick<ColumnSpec, 'range'> = {}): string {
  const spans = UNITS.map((unit) => [Math.ceil(EARLIEST_MS / UNIT_MS[unit]), (now + AHEAD_MS) / UNIT_MS[unit]] as const)
    .filter(([from, to]) => from <= to)
    .map(([from, to]) => `${cell} BETWEEN ${from} AND ${Math.floor(to)}`);
  if (spans.length === 0) return 'false';
  const declared = range === undefined ? '' : ` AND NOT ${cell} BETWEEN ${range[0]} AND ${range[1]}`;
  return `((${spans.join(' OR ')}) AND (${cell} % ${DAY_MS} <> 0 OR ${cell} >= ${EARLIEST_MS})${declared})`;
}

/** The instants that may be asked for: those that events can have, at most ten years from now. */
export function askedSpan(now: number): Span {
  return { from: FIRST_EVENT, to: now + AHEAD_MS };
}

/** Where an instant stands, in words. */
export interface InstantPlace {
  readonly where: string;
  readonly column: string;
}

/** Why a found value is in another unit; null: it is not. */
export function unitFault(
  place: InstantPlace,
  found: unknown,
  now: number,
  spec: Pick<ColumnSpec, 'range'> = {},
): HeadraceError | null {
  if (typeof found !== 'number' && typeof found !== 'bigint') return null;
  const unit = wrongUnitOf(Number(found), now, spec);
  return unit === null ? null : fail('INSTANT_UNIT', { ...place, found, unit });
}

/**
 * The instant that a caller asks for: epoch milliseconds that events can have, at most ten years from now. One reader for
 * every place that takes an instant. Errors: INSTANT_UNIT, INSTANT_VALUE.
 */
export function readInstant(found: unknown, now: number, place: InstantPlace): number {
  const fault = unitFault(place, found, now);
  if (fault !== null) throw fault;
  const { from, to } = askedSpan(now);
  if (typeof found === 'number' && Number.isInteger(found) && found >= from && found <= to) return found + 0;
  throw instantFault(place, found);
}

/** A value that is no instant that may be asked for, as an error. */
export function instantFault(place: InstantPlace, found: unknown): HeadraceError {
  return fail('INSTANT_VALUE', { ...place, found: factOf(found), expected: INSTANT_TEXT });
}

/** Epoch ms of a UTC date as people write it: `2026-01-31` or `2026-01-31T12:00:00Z`; undefined for another text. */
export function dateOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z)?$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** The ends of a span that a caller asks for; one that is left out stays so. Errors: INSTANT_UNIT, INSTANT_VALUE. */
export function readSpan<S extends { readonly from?: number | null; readonly to?: number | null }>(
  span: S,
  now: number,
  where: string,
): S {
  for (const column of ['from', 'to'] as const) {
    const found = span[column];
    if (found !== undefined && found !== null) readInstant(found, now, { where, column });
  }
  return span;
}

function factOf(found: unknown): string | number | bigint {
  if (typeof found === 'number' || typeof found === 'bigint') return found;
  if (typeof found === 'string') return found.slice(0, 100);
  return typeof found === 'object' && found !== null ? 'an object' : String(found);
}
