import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { withoutStacks } from '../../base/errors/without-stacks.ts';
import type { ClockSpan } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Value } from '../../schema/column.ts';
import { wrongUnit } from '../../schema/instant.ts';
import type { RefusedEvent } from './ingest-report.ts';

/** How the events of a source become rows. */
export interface EventShape {
  readonly source: EventSourceData;
  readonly parse: (event: unknown) => readonly Value[];
  readonly idIndex: number;
  readonly timeIndex: number;
}

/** An event that is sound. */
export interface TakenEvent {
  /** In the call. */
  readonly index: number;
  readonly id: string;
  readonly ts: number;
  readonly row: readonly Value[];
}

/** Parses the events of a call; those that are not sound are refused one by one. */
export function takeEvents(shape: EventShape, events: readonly unknown[], span: ClockSpan) {
  const taken: TakenEvent[] = [];
  const refused: RefusedEvent[] = [];
  withoutStacks(() => {
    events.forEach((event, index) => {
      const found = takeEvent(shape, event, index, span);
      if (isHeadraceError(found)) refused.push({ index, id: idOf(shape, event), error: found });
      else taken.push(found);
    });
  });
  return { taken, refused };
}

const LONGEST_ID = 100;

/** The id of an event that may be anything; null where it has none. */
function idOf({ source }: EventShape, event: unknown): string | null {
  if (typeof event !== 'object' || event === null || !Object.hasOwn(event, source.id)) return null;
  const id: unknown = Reflect.get(event, source.id);
  return typeof id === 'string' ? id.slice(0, LONGEST_ID) : null;
}

function takeEvent(shape: EventShape, event: unknown, index: number, span: ClockSpan): TakenEvent | HeadraceError {
  try {
    const row = shape.parse(event);
    const id = row[shape.idIndex];
    const ts = row[shape.timeIndex];
    if (typeof id !== 'string' || typeof ts !== 'number')
      throw fail('EVENT_SHAPE', { where: shape.source.name, found: 'without id or time' });
    const { from, to } = span;
    if (ts - to > shape.source.futureSkewMs || from - ts > shape.source.latenessMs) {
      const wrong = unitError(shape, event, span);
      if (wrong !== null) return wrong;
    }
    if (ts - to > shape.source.futureSkewMs) {
      throw fail('EVENT_FUTURE', {
        source: shape.source.name,
        id,
        aheadMs: ts - to,
        allowedMs: shape.source.futureSkewMs,
      });
    }
    return { index, id, ts, row };
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return error.code === 'EVENT_TIME' ? (unitError(shape, event, span) ?? error) : error;
  }
}

/** Why an event does not count as milliseconds, where its time can only be in another unit. */
function unitError(shape: EventShape, event: unknown, { from, to }: ClockSpan): HeadraceError | null {
  const { source } = shape;
  const found: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, source.time) : null;
  if (typeof found !== 'number' && typeof found !== 'bigint') return null;
  const counts = { from: from - source.latenessMs, to: to + source.futureSkewMs };
  const unit = wrongUnit(Number(found), from, counts);
  if (unit === null) return null;
  return fail('EVENT_TIME_UNIT', { where: source.name, id: idOf(shape, event), column: source.time, found, unit });
}
