import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { aggregateOf } from '../aggregate/aggregates.ts';
import { hopOf, hopsOf } from '../window/hop.ts';
import type { AggregateDraft, WindowText } from './aggregate-factories.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import type { AggregateSpec, LateChoice, StreamFeatureSpec, StreamViewData } from './declaration.ts';
import type { Entity } from './entity.ts';
import type { Columns, EventSource } from './event-source.ts';
import { columnExpressions } from './expression-factories.ts';
import { freeze } from './freeze.ts';
import { type LatencyOptions, latencyBudget } from './latency.ts';
import type { Shape } from './shape.ts';
import { type Fits, type Nullable, type Tag, type Tags, tagOf } from './tag.ts';

/** A stream view: aggregates of a source's events by entity, over windows. */
export interface StreamView<I extends Tags, F extends Tags> extends StreamViewData, Shape<I, F> {}

// The constraint on what the callback gives names only `kind`: an index signature would become its contextual type.
type Drafts = Readonly<Record<string, { readonly kind: 'aggregate' }>>;

type Named<K extends string, W> = W extends 'ever' ? K : W extends DurationText ? `${K}_${W}` : never;

/** Tags of the features: one per aggregate and window. */
export type FeaturesOf<D, W extends WindowText> = {
  readonly [K in keyof D & string as D[K] extends AggregateDraft<Tag, infer Own>
    ? Named<K, [Own] extends [WindowText] ? Own : W>
    : never]: D[K] extends AggregateDraft<infer T, WindowText | null> ? T : never;
};

export interface StreamViewOptions<S extends Tags, K extends Tags, W extends WindowText, D extends Drafts> {
  /** A new meaning is a new version. */
  readonly version?: number;
  readonly source: EventSource<S>;
  readonly entity: Entity<K>;
  /** Source column by key column of the entity. */
  readonly key: {
    // Not an alias: an error shows the columns.
    readonly [P in keyof K]: { [C in keyof S & string]: S[C] extends Fits<Nullable<K[P]>> ? C : never }[keyof S &
      string];
  };
  /** Windows of every aggregate that has none of its own. */
  readonly windows: readonly W[];
  readonly features: (event: Columns<EventSource<S>>) => D;
  /** How old the view's answers may be before they are marked stale. */
  readonly freshness: DurationText;
  /** How long a read waits for the view, where the store answers later than at once. */
  readonly latency?: LatencyOptions<LateChoice>;
  /** Only events younger than this count, whatever the window. */
  readonly ttl?: DurationText;
  /** Hop of a window instead of the derived one. */
  readonly hops?: { readonly [Window in W]?: DurationText };
}

/**
 * Declares a stream view. Errors: NAME_TEXT, WINDOW_TEXT, WINDOW_HOP, WINDOW_HOP_SIZE, WINDOWS_NONE, HOPS_NEST, VIEW_KEY,
 * VIEW_AGGREGATE, VIEW_FEATURE_TWICE, AGGREGATE_INPUT, AGGREGATE_PARAM.
 */
export function streamView<S extends Tags, K extends Tags, const W extends DurationText | 'ever', D extends Drafts>(
  name: string,
  options: StreamViewOptions<S, K, W, D>,
): StreamView<K, FeaturesOf<D, W>> {
  checkName('view', name);
  const { source, entity, key } = options;
  checkKey(name, source, entity, key);
  const drafts = draftsOf(
    name,
    options.features(columnExpressions(source.columns) as unknown as Columns<EventSource<S>>),
  );
  const retracts = source.changes === undefined ? {} : ({ retracts: true } as const);
  const aggregates = drafts.map(([aggregate, { spec }]): AggregateSpec => ({ name: aggregate, ...spec, ...retracts }));
  const features = drafts.flatMap(([aggregate, draft], index) => {
    const windows = draft.windows ?? options.windows;
    if (windows.length === 0) throw fail('WINDOWS_NONE', { view: name, aggregate });
    return windows.map((window) => featureOf(name, aggregate, aggregates[index], index, window, options.hops));
  });
  refuseTwice(name, [...Object.keys(entity.key), ...features.map((feature) => feature.name)]);
  return freeze({
    kind: 'streamView',
    name,
    version: checkVersion(name, options.version ?? 1),
    source,
    entity,
    key,
    aggregates,
    features,
    hopsMs: hopsOf(features, name),
    freshnessMs: parseDuration(options.freshness, `the freshness of view ${name}`),
    ...latencyBudget(name, options.latency),
    ttlMs: options.ttl === undefined ? null : parseDuration(options.ttl, `the ttl of view ${name}`),
    inputs: entity.inputs,
    outputs: Object.fromEntries(features.map((feature) => [feature.name, tagOf(feature.type)])) as FeaturesOf<D, W>,
  });
}

function draftsOf(
  view: string,
  written: Drafts,
): readonly (readonly [string, AggregateDraft<Tag, WindowText | null>])[] {
  checkNames('aggregate', view, written);
  return Object.entries(written as Readonly<Record<string, AggregateDraft<Tag, WindowText | null>>>).map((entry) => {
    if (entry[1]?.kind !== 'aggregate') throw fail('VIEW_AGGREGATE', { view, name: entry[0] });
    return entry;
  });
}

function featureOf(
  view: string,
  aggregate: string,
  spec: AggregateSpec,
  index: number,
  window: WindowText,
  hops: Readonly<Record<string, DurationText | undefined>> | undefined,
): StreamFeatureSpec {
  const windowMs = window === 'ever' ? null : parseDuration(window, `a window of view ${view}`);
  const written = hops?.[window];
  const hopMs = written === undefined ? hopOf(windowMs, view) : parseDuration(written, `a hop of view ${view}`);
  if (windowMs !== null && hopMs > windowMs) throw fail('WINDOW_HOP_SIZE', { view, hopMs, window });
  const type: ColumnSpec = aggregateOf(spec).result;
  return { name: window === 'ever' ? aggregate : `${aggregate}_${window}`, aggregate: index, windowMs, hopMs, type };
}

function refuseTwice(view: string, columns: readonly string[]): void {
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw fail('VIEW_FEATURE_TWICE', { view, feature: twice });
}

function checkKey<S extends Tags, K extends Tags>(
  view: string,
  source: EventSource<S>,
  entity: Entity<K>,
  key: Readonly<Record<string, string>>,
): void {
  const parts = Object.keys(entity.key);
  const same = Object.keys(key).length === parts.length;
  for (const part of parts) {
    const column = Object.hasOwn(key, part) ? key[part] : undefined;
    const spec = column === undefined ? undefined : source.columns[column];
    if (!same || spec === undefined || spec.type !== entity.key[part].type) {
      throw fail('VIEW_KEY', { view, entity: entity.name, parts, part, column });
    }
  }
}
