import type { AsOfLookup } from './as-of.ts';
import type { ClosedColumn, ClosedPartialsPlan } from './closed-partials.ts';
import type { ExtremesPlan, WindowColumn } from './extremes.ts';
import type { InstantsPlan } from './instants.ts';
import { EVENTS, type Partial, type PartialSuffix } from './partial.ts';
import type { PointsPlan, PointWindow } from './points.ts';
import type { RunningSumsPlan } from './running-sums.ts';
import type { ViewEventsPlan } from './view-events.ts';

/**
 * Plans partials over the closed part of windows without reading a window's events: sums are differences of running
 * sums, first and last are single lookups, least and greatest are taken over frames. The work grows with events and
 * points, not with how long windows are or how many events a key has.
 */
export function closedPartials(
  points: PointsPlan,
  events: ViewEventsPlan,
  columns: readonly WindowColumn[],
): ClosedPartialsPlan {
  const partials = distinctPartials(columns);
  const instants: InstantsPlan = {
    kind: 'instants',
    from: events,
    partials: partials.filter((each) => each !== EVENTS),
  };
  const extreme = columns.filter(({ partial }) => HOW[partial.suffix] === 'extreme');
  const extremes: ExtremesPlan | null =
    extreme.length === 0 ? null : { kind: 'extremes', points, instants, columns: extreme };
  const lookups = [
    ...sumLookups(points, instants, columns),
    ...lastLookups(instants, partials),
    ...firstLookups(instants, columns),
  ];
  return {
    kind: 'closedPartials',
    lookedUp: { kind: 'asOf', from: points, lookups },
    extremes,
    columns: columns.map((column) => closedColumn(column, points)),
  };
}

function distinctPartials(columns: readonly WindowColumn[]): readonly Partial[] {
  return [...new Map(columns.map(({ partial }) => [partial.name, partial])).values()];
}

const HOW: Readonly<Record<PartialSuffix, ClosedColumn['how']>> = {
  n: 'difference',
  true: 'difference',
  sum: 'difference',
  sq: 'difference',
  total: 'difference',
  squares: 'difference',
  wild: 'difference',
  element: 'difference',
  beyond: 'difference',
  min: 'extreme',
  max: 'extreme',
  first: 'first',
  last: 'last',
};

function closedColumn(column: WindowColumn, points: PointsPlan): ClosedColumn {
  const { partial, from } = column;
  const how = HOW[partial.suffix];
  switch (how) {
    case 'difference':
      return { ...column, how, head: headOf(partial), tail: isBounded(points, from) ? tailOf(partial, from) : null };
    case 'last':
      return { ...column, how, ts: `${partial.name}_ts`, value: partial.name };
    case 'first':
      return { ...column, how, ts: `${partial.name}_${from}_ts`, value: `${partial.name}_${from}` };
    case 'extreme':
      return { ...column, how };
    default:
      return how satisfies never;
  }
}

function headOf({ name }: Partial): string {
  return `${name}_head`;
}

function tailOf({ name }: Partial, from: string): string {
  return `${name}_${from}`;
}

function isBounded(points: PointsPlan, from: string): boolean {
  return points.windows.some((window) => window.from === from && window.windowMs !== null);
}

function sumLookups(
  points: PointsPlan,
  instants: InstantsPlan,
  columns: readonly WindowColumn[],
): readonly AsOfLookup[] {
  const summed = columns.filter(({ partial }) => HOW[partial.suffix] === 'difference');
  if (summed.length === 0) return [];
  const sums = distinctPartials(summed);
  const running: RunningSumsPlan = { kind: 'runningSums', from: instants, sums };
  const heads = Object.fromEntries(summed.map(({ partial }) => [headOf(partial), partial.name]));
  const head: AsOfLookup = { in: running, bound: 'until', find: 'lastBefore', take: heads };
  const tails = points.windows.filter(hasStart).flatMap(({ from }): readonly AsOfLookup[] => {
    const own = summed.filter((column) => column.from === from);
    if (own.length === 0) return [];
    const take = Object.fromEntries(own.map(({ partial }) => [tailOf(partial, from), partial.name]));
    return [{ in: running, bound: from, find: 'lastBefore', take }];
  });
  return [head, ...tails];
}

function hasStart({ windowMs }: PointWindow): boolean {
  return windowMs !== null;
}

function lastLookups(instants: InstantsPlan, partials: readonly Partial[]): readonly AsOfLookup[] {
  return partials
    .filter(({ suffix }) => suffix === 'last')
    .map(({ name }) => ({
      in: { kind: 'present', from: instants, column: name },
      bound: 'until',
      find: 'lastBefore',
      take: { [`${name}_ts`]: 'ts', [name]: name },
    }));
}

function firstLookups(instants: InstantsPlan, columns: readonly WindowColumn[]): readonly AsOfLookup[] {
  return columns
    .filter(({ partial }) => partial.suffix === 'first')
    .map(({ partial: { name }, from }) => ({
      in: { kind: 'present', from: instants, column: name },
      bound: from,
      find: 'firstFrom',
      take: { [`${name}_${from}_ts`]: 'ts', [`${name}_${from}`]: name },
    }));
}
