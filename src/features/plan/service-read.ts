import type {
  BatchViewData,
  EventSourceData,
  FeatureServiceData,
  LookupSpec,
  StreamViewData,
} from '../define/declaration.ts';
import { type AdmissionPlan, admission } from './admission.ts';
import type { AnswerColumn, AnswersPlan } from './answers.ts';
import type { GenerationPlan } from './generation.ts';
import { ASKED, featureColumn, keyColumn, requestColumn } from './names.ts';
import { neededFeatures } from './needed-features.ts';
import type { PointKey } from './points.ts';
import { type ScanPlan, SPINE_AT, SPINE_ID, scanGenerations, scanSpine } from './scan.ts';
import { reachBackMs, type Slide, type StreamReadOptions, streamRead } from './stream-read.ts';

export interface ServiceReadOptions {
  readonly service: FeatureServiceData;
  /** SQL text that stands for the spine in a FROM clause: `_id`, `_at` (epoch ms) and the service's request columns. */
  readonly spine: string;
  readonly mode: StreamReadOptions['mode'];
  /** SQL text that stands for the raw table of a source. */
  readonly deliveriesOf: (source: EventSourceData) => string;
  /** SQL text that stands for the table of a batch view's generations. */
  readonly generationsOf: (view: BatchViewData) => string;
  /** Whether the events of every stream lookup's windows are counted as well. */
  readonly counts: boolean;
  /** SQL text that stands for the answers of a lookup's slide; where there is none, features that are made of parts are lists of parts. */
  readonly slidOf?: (lookup: LookupSpec) => string | undefined;
}

/** A column of the result and what it holds. */
export type ReadColumn = AnswerColumn & { readonly holds: Holds };

export type Holds =
  | { readonly kind: 'id' }
  | { readonly kind: 'at' }
  | { readonly kind: 'request'; readonly request: string }
  /** Two columns hold a feature that is made of parts: the parts, then their values. */
  | {
      readonly kind: 'feature';
      readonly lookup: LookupSpec;
      readonly feature: string;
      readonly half?: 'parts' | 'values';
    }
  /** Events of a stream lookup's window, in the order of `windowsOf`. */
  | { readonly kind: 'count'; readonly lookup: LookupSpec; readonly window: number };

export interface ServiceRead {
  readonly plan: AnswersPlan;
  /** The plan's columns. */
  readonly columns: readonly ReadColumn[];
  readonly slides: readonly LookupSlide[];
}

/** The slide of a stream lookup that has features made of parts. */
export interface LookupSlide extends Slide {
  readonly lookup: LookupSpec;
}

/** Plans what a service's lookups answered for every row of a spine. */
export function serviceRead(options: ServiceReadOptions): ServiceRead {
  const { service, spine: relation } = options;
  const spine = scanSpine(service.request, relation);
  const accepted = new Map<EventSourceData, AdmissionPlan>();
  const acceptedOf = (source: EventSourceData): AdmissionPlan => {
    const reach = { spine, backMs: serviceReachBackMs(service, source, options.counts) };
    const plan = accepted.get(source) ?? admission(source, options.deliveriesOf(source), reach);
    accepted.set(source, plan);
    return plan;
  };
  const slides: LookupSlide[] = [];
  const features = service.lookups.flatMap((lookup) => {
    const { view } = lookup;
    if (view.kind === 'batchView') return batchColumns(lookup, view, spine, options);
    const { columns, slide } = streamColumns(lookup, view, acceptedOf(view.source), spine, options);
    if (slide !== null) slides.push({ ...slide, lookup });
    return columns;
  });
  const columns = [...spineColumns(service), ...features];
  return { plan: { kind: 'answers', spine, columns }, columns, slides };
}

/** How far back from an instant the events of a service's lookups lie, in ms; null: without bound. */
export function serviceReachBackMs(
  service: FeatureServiceData,
  source?: EventSourceData,
  counts = false,
): number | null {
  return service.lookups.reduce<number | null>((longest, lookup) => {
    const { view } = lookup;
    if (longest === null || view.kind !== 'streamView' || (source !== undefined && view.source !== source))
      return longest;
    const back = reachBackMs(view, neededFeatures(service, lookup), counts);
    return back === null ? null : Math.max(longest, back);
  }, 0);
}

function spineColumns(service: FeatureServiceData): readonly ReadColumn[] {
  return [
    { kind: 'spine', name: SPINE_ID, column: 'id', holds: { kind: 'id' } },
    { kind: 'spine', name: SPINE_AT, column: ASKED, holds: { kind: 'at' } },
    ...Object.keys(service.request).map(
      (request): ReadColumn => ({
        kind: 'spine',
        name: request,
        column: requestColumn(request),
        holds: { kind: 'request', request },
      }),
    ),
  ];
}

function lookupKeys({ view, key }: LookupSpec): readonly PointKey[] {
  return Object.keys(view.entity.key).map((name) => ({ name: keyColumn(name), of: requestColumn(key[name]) }));
}

function streamColumns(
  lookup: LookupSpec,
  view: StreamViewData,
  accepted: AdmissionPlan,
  spine: ScanPlan,
  { service, mode, counts, slidOf }: ServiceReadOptions,
): { readonly columns: readonly ReadColumn[]; readonly slide: Slide | null } {
  const features = neededFeatures(service, lookup);
  const slid = slidOf?.(lookup);
  const read = streamRead({ view, features, spine, keys: lookupKeys(lookup), accepted, mode, counts, slid });
  const answers = features.flatMap((feature) =>
    read.columns(feature, `${lookup.alias}_${feature}`).map((column): ReadColumn => {
      const half =
        column.kind !== 'list' ? {} : { half: column.column === 'parts' ? ('parts' as const) : ('values' as const) };
      return { ...column, holds: { kind: 'feature', lookup, feature, ...half } };
    }),
  );
  const counted = read.counts.map(
    (column, window): ReadColumn => ({
      ...column(`${lookup.alias}__events_${window}`),
      holds: { kind: 'count', lookup, window },
    }),
  );
  return { columns: [...answers, ...counted], slide: read.slide };
}

function batchColumns(
  lookup: LookupSpec,
  view: BatchViewData,
  spine: ScanPlan,
  { service, generationsOf }: ServiceReadOptions,
): readonly ReadColumn[] {
  const features = neededFeatures(service, lookup);
  const keys = lookupKeys(lookup);
  const table = scanGenerations(view, generationsOf(view));
  const plan: GenerationPlan = { kind: 'generation', spine, keys, table, features: features.map(featureColumn) };
  const from = { plan, keys };
  return features.map(
    (feature): ReadColumn => ({
      kind: 'column',
      name: `${lookup.alias}_${feature}`,
      from,
      column: featureColumn(feature),
      holds: { kind: 'feature', lookup, feature },
    }),
  );
}
