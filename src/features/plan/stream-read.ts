import type { StreamViewData } from '../define/declaration.ts';
import { windowsOf } from '../window/view-windows.ts';
import type { AdmissionPlan } from './admission.ts';
import type { AnswerColumn, AnswerSource } from './answers.ts';
import type { ChangedPartialsPlan } from './changed-partials.ts';
import type { ClosedPartialsPlan } from './closed-partials.ts';
import { closedPartials } from './closed-read.ts';
import type { WindowColumn } from './extremes.ts';
import type { MergedPartialsPlan } from './merged-partials.ts';
import { EVENTS, type Partial, readPartials } from './partial.ts';
import { partAggregate } from './parts.ts';
import type { PointKey, PointsPlan, PointWindow } from './points.ts';
import type { ScanPlan } from './scan.ts';
import { type ViewEventsPlan, viewEvents } from './view-events.ts';

/** The events that count: all accepted ones (corrected), or only those that had arrived by the instant (as-known). */
export type ReadMode = 'corrected' | 'as-known';

/** A read may serve the instant behind its clock, so that an event of that very instant can have come after it. */
const ARRIVED = { 'as-known': '<=', 'as-served': '<' } as const;

export interface StreamReadOptions {
  readonly view: StreamViewData;
  /** Names of the features to answer. */
  readonly features: readonly string[];
  readonly spine: ScanPlan;
  readonly keys: readonly PointKey[];
  readonly accepted: AdmissionPlan;
  /** as-served: only what had arrived before the instant. */
  readonly mode: ReadMode | 'as-served';
  /** Whether the events of each window are counted as well. */
  readonly counts: boolean;
}

/** The columns that answer a stream view at the points of a spine. */
export interface StreamRead {
  /** The columns of a feature, named `name`. */
  readonly columns: (feature: string, name: string) => readonly AnswerColumn[];
  /** Events of each window, in the order of `windowsOf`; none unless asked for. */
  readonly counts: readonly ((name: string) => AnswerColumn)[];
}

/** Plans the point-in-time read of a stream view. */
export function streamRead(options: StreamReadOptions): StreamRead {
  const { view, features, keys, accepted, counts } = options;
  const asked = view.features.filter(({ name }) => features.includes(name));
  const specs = view.aggregates.filter((_, index) => asked.some(({ aggregate }) => aggregate === index));
  const backMs = reachBackMs(view, features, counts);
  const events = viewEvents(view, specs, accepted, { spine: options.spine, backMs, keys });
  const windows = pointWindows(view);
  const points: PointsPlan = {
    kind: 'points',
    spine: options.spine,
    keys,
    windows,
    arrived: options.mode === 'corrected' ? null : { test: ARRIVED[options.mode], latenessMs: view.source.latenessMs },
  };
  const windowOf = (feature: string): number =>
    windowsOf(view).findIndex((window) => window.features.some((index) => view.features[index].name === feature));
  const columns = asked.flatMap(({ name, aggregate }) =>
    windowColumns(readPartials(view.aggregates[aggregate], events.inputs), windows, windowOf(name)),
  );
  const counted = counts ? windows.flatMap((_, index) => windowColumns([EVENTS], windows, index)) : [];
  const partials: AnswerSource = {
    plan: wholePartials(points, events, distinctColumns([...counted, ...columns])),
    keys,
  };
  return {
    columns: (feature, name) => {
      const spec = view.aggregates[view.features.find((each) => each.name === feature)?.aggregate ?? -1];
      const window = windowOf(feature);
      const aggregate = partAggregate(spec, events);
      if (aggregate === null) return [{ kind: 'aggregate', name, from: partials, spec, window }];
      const plan = { kind: 'windowParts', points, events, window: windows[window], aggregate } as const;
      const from: AnswerSource = { plan, keys };
      return [
        { kind: 'list', name, from, column: 'parts' },
        { kind: 'list', name: `${name}_values`, from, column: 'vals' },
      ];
    },
    counts: counts
      ? windows.map((_, window) => (name: string) => ({
          kind: 'column',
          name,
          from: partials,
          column: `${EVENTS.name}_w${window}`,
        }))
      : [],
  };
}

/** How far back from an instant the events lie that the features need, in ms; null: without bound. */
export function reachBackMs(view: StreamViewData, features: readonly string[], counts: boolean): number | null {
  // A row of the window may have been put in or changed at any time before.
  if (view.source.changes !== undefined) return null;
  const needed = windowsOf(view).filter(
    (window) => counts || window.features.some((index) => features.includes(view.features[index].name)),
  );
  return needed.reduce<number | null>((longest, { windowMs, hopMs }) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY) + hopMs;
    return longest === null || !Number.isFinite(length) ? null : Math.max(longest, length);
  }, 0);
}

function pointWindows(view: StreamViewData): readonly PointWindow[] {
  return windowsOf(view).map(({ windowMs, hopMs }, index) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, view.ttlMs ?? Number.POSITIVE_INFINITY);
    return { from: `from_${index}`, windowMs: Number.isFinite(length) ? length : null, hopMs };
  });
}

function windowColumns(
  partials: readonly Partial[],
  windows: readonly PointWindow[],
  index: number,
): readonly WindowColumn[] {
  return partials.map((partial) => ({ name: `${partial.name}_w${index}`, partial, from: windows[index].from }));
}

function distinctColumns(columns: readonly WindowColumn[]): readonly WindowColumn[] {
  return [...new Map(columns.map((column) => [column.name, column])).values()];
}

function wholePartials(
  points: PointsPlan,
  events: ViewEventsPlan,
  columns: readonly WindowColumn[],
): ChangedPartialsPlan | ClosedPartialsPlan | MergedPartialsPlan {
  if (events.images !== null) return { kind: 'changedPartials', points, events, columns };
  const closed = closedPartials(points, events, columns);
  if (points.arrived === null) return closed;
  return { kind: 'mergedPartials', closed, open: { kind: 'openPartials', points, events, columns } };
}
