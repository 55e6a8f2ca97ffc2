import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type { BatchViewData, LateChoice, SqlTemplate } from './declaration.ts';
import type { Entity } from './entity.ts';
import type { EventSource } from './event-source.ts';
import { freeze } from './freeze.ts';
import { type LatencyOptions, latencyBudget } from './latency.ts';
import type { Shape } from './shape.ts';
import type { Nullable, Tags } from './tag.ts';

/** A batch view: SQL over the history, on a schedule. Its features are null for a key that the run did not give. */
export interface BatchView<I extends Tags, F extends Tags> extends BatchViewData, Shape<I, F> {}

/** Stands for a table or the instant of the run inside `sql`. */
export interface SqlReference {
  readonly kind: 'sqlReference';
  readonly text: string;
}

type NullableAll<F extends Tags> = { readonly [K in keyof F]: Nullable<F[K]> };

export interface BatchViewOptions<
  K extends Tags,
  R extends Readonly<Record<string, EventSource<Tags>>>,
  C extends ColumnMap,
> {
  readonly version?: number;
  readonly entity: Entity<K>;
  /** Five-field cron, UTC. */
  readonly schedule: string;
  /** How old the newest generation may be before answers are marked stale. */
  readonly freshness: DurationText;
  /** How long a read waits for the view, where the store answers later than at once. */
  readonly latency?: LatencyOptions<LateChoice>;
  /** The sources that the SQL reads, by the name it gets them under. */
  readonly reads: R;
  readonly features: C;
  /**
   * The share of the previous generation's keys that a run may lack, from 0 to 1. A run that lacks more is used only after
   * someone accepts it. Default: 0.5, and 1 while the previous generation has fewer than 20 keys.
   */
  readonly mayLose?: number;
  /** Selects the entity's key columns and the features, one row per key. */
  readonly sql: (tables: { readonly [A in keyof R]: SqlReference } & { readonly asOf: SqlReference }) => SqlTemplate;
}

/** SQL text with references to tables and to `asOf`; nothing else is put into it. A backslash stands for itself. */
export function sql(texts: TemplateStringsArray, ...references: readonly SqlReference[]): SqlTemplate {
  const parts = texts.raw.map((text, i) => `${text.replaceAll('\\`', '`')}${references[i]?.text ?? ''}`);
  return freeze({ kind: 'sql', text: parts.join('') });
}

/** The look of a cron schedule; whether its fields are right is known when it is opened. */
export const CRON = /^\S+ \S+ \S+ \S+ \S+$/;

/** Declares a batch view. Errors: NAME_TEXT, WINDOW_TEXT, SCHEDULE_TEXT, VIEW_FEATURE_TWICE, NAME_TWICE, VIEW_SHARE. */
export function batchView<K extends Tags, R extends Readonly<Record<string, EventSource<Tags>>>, C extends ColumnMap>(
  name: string,
  options: BatchViewOptions<K, R, C>,
): BatchView<K, NullableAll<TagsOf<C>>> {
  checkName('view', name);
  checkNames('feature', name, options.features);
  checkNames('read', name, options.reads);
  if (Object.hasOwn(options.reads, 'asOf')) throw fail('NAME_TWICE', { kind: 'read', name: 'asOf' });
  for (const feature of Object.keys(options.features)) {
    if (Object.hasOwn(options.entity.key, feature)) throw fail('VIEW_FEATURE_TWICE', { view: name, feature });
  }
  if (!CRON.test(options.schedule)) throw fail('SCHEDULE_TEXT', { view: name, schedule: options.schedule });
  const tables = Object.fromEntries(
    [...Object.keys(options.reads).map((alias) => [alias, `source:${alias}`] as const), ['asOf', 'asOf'] as const].map(
      ([alias, place]): [string, SqlReference] => [alias, { kind: 'sqlReference', text: `{{${place}}}` }],
    ),
  ) as Parameters<typeof options.sql>[0];
  const features = columnSpecs(options.features);
  return freeze({
    kind: 'batchView',
    name,
    version: checkVersion(name, options.version ?? 1),
    entity: options.entity,
    schedule: options.schedule,
    freshnessMs: parseDuration(options.freshness, `the freshness of view ${name}`),
    ...latencyBudget(name, options.latency),
    reads: options.reads,
    features: Object.fromEntries(
      Object.entries(features).map(([feature, spec]) => [feature, { ...spec, nullable: true }]),
    ),
    sql: options.sql(tables),
    ...mayLose(name, options.mayLose),
    inputs: options.entity.inputs,
    outputs: nullableTags(columnTags(options.features)),
  });
}

/** Left out where there is none, so that a declaration without one keeps its hash. */
function mayLose(view: string, share: number | undefined): { readonly mayLose?: number } {
  if (share === undefined) return {};
  if (!(share >= 0 && share <= 1)) throw fail('VIEW_SHARE', { view, share: String(share) });
  return { mayLose: share };
}

function nullableTags<F extends Tags>(tags: F): NullableAll<F> {
  return Object.fromEntries(
    Object.entries(tags).map(([name, tag]) => [name, tag.endsWith('?') ? tag : `${tag}?`]),
  ) as NullableAll<F>;
}
