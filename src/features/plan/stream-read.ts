import type { ColumnSpec } from '../../schema/column.ts';
import type { AggregateSpec, StreamViewData } from '../define/declaration.ts';
import { windowsOf } from '../window/view-windows.ts';
import type { AdmissionPlan } from './admission.ts';
import type { AnswerColumn, AnswerSource } from './answers.ts';
import type { ChangedPartialsPlan } from './changed-partials.ts';
import type { ClosedPartialsPlan } from './closed-partials.ts';
import { closedPartials } from './closed-read.ts';
import type { WindowColumn } from './extremes.ts';
import type { MergedPartialsPlan } from './merged-partials.ts';
import { featureColumn } from './names.ts';
import { EVENTS, type Partial, readPartials } from './partial.ts';
import { type PartAggregate, partAggregate } from './parts.ts';
import type { PointKey, PointsPlan, PointWindow } from './points.ts';
import { type ScanPlan, scanSlid } from './scan.ts';
import type { SlidePlan } from './slide.ts';
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
  /** SQL text that stands for the answers of its slide; without it features that are made of parts are lists of parts. */
  readonly slid?: string | undefined;
}

/** The columns that answer a stream view at the points of a spine. */
export interface StreamRead {
  /** The columns of a feature, named `name`. */
  readonly columns: (feature: string, name: string) => readonly AnswerColumn[];
  /** Events of each window, in the order of `windowsOf`; none unless asked for. */
  readonly counts: readonly ((name: string) => AnswerColumn)[];
  /** How the features that are made of parts are answered by a slide; null where there is none. */
  readonly slide: Slide | null;
}

/** A slide and the features that it answers. */
export interface Slide {
  readonly plan: SlidePlan;
  readonly inputs: readonly ColumnSpec[];
  readonly features: readonly SlideFeature[];
}

export interface SlideFeature {
  readonly feature: string;
  readonly type: ColumnSpec;
  readonly spec: AggregateSpec;
  readonly kind: PartAggregate['kind'];
  readonly window: PointWindow;
  /** The place of its input among those of the slide. */
  readonly input: number;
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
  const slide = slideOf(asked, (name) => windows[windowOf(name)], { view, points, events });
  const slid = options.slid === undefined || slide === null ? null : slidSource(slide, keys, options.slid);
  return {
    slide,
    columns: (feature, name) => {
      const spec = view.aggregates[view.features.find((each) => each.name === feature)?.aggregate ?? -1];
      const window = windowOf(feature);
      const aggregate = partAggregate(spec, events);
      if (aggregate === null) return [{ kind: 'aggregate', name, from: partials, spec, window }];
      if (slid !== null) return [{ kind: 'column', name, from: slid, column: featureColumn(feature) }];
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

/** The answers of a slide, which all its features share: the join reads them once. */
function slidSource({ features }: Slide, keys: readonly PointKey[], relation: string): AnswerSource {
  const names = keys.map(({ name }) => name);
  const columns = features.map(({ feature }) => featureColumn(feature));
  return { plan: scanSlid(names, columns, relation), keys };
}

interface SlideOf {
  readonly view: StreamViewData;
  readonly points: PointsPlan;
  readonly events: ViewEventsPlan;
}

function slideOf(
  asked: StreamViewData['features'],
  windowOf: (feature: string) => PointWindow,
  { view, points, events }: SlideOf,
): Slide | null {
  const made = asked.flatMap(({ name, type, aggregate }) => {
    const spec = view.aggregates[aggregate];
    const part = partAggregate(spec, events);
    return part === null ? [] : [{ feature: name, type, spec, part, window: windowOf(name) }];
  });
  const inputs = [...new Set(made.map(({ part }) => part.input))];
  const typeOf = (input: string) => made.filter(({ part }) => part.input === input)[0].part.inputType;
  const ids = made.some(({ part }) => part.kind === 'lastN' || part.kind === 'images');
  if (made.length === 0) return null;
  return {
    plan: { kind: 'slide', points, events, inputs, ids },
    inputs: inputs.map(typeOf),
    features: made.map(({ part, ...rest }) => ({ ...rest, kind: part.kind, input: inputs.indexOf(part.input) })),
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
