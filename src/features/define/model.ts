import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec, ValueType } from '../../schema/column.ts';
import { modelNumbers } from '../../schema/model-numbers.ts';
import { typeText } from '../../schema/type-text.ts';
import { checkName } from './check-name.ts';
import type { EventSourceData, ModelData } from './declaration.ts';
import type { Columns, EventSource } from './event-source.ts';
import { columnExpressions, type Expr } from './expression-factories.ts';
import type { FeatureService } from './feature-service.ts';
import { freeze } from './freeze.ts';
import { type MonitorOptions, resolveMonitor } from './monitor.ts';
import { type PlaybookOptions, playbookPlan } from './playbook.ts';
import { type LabelProxy, resolveProxies } from './proxy.ts';
import { type RolloutOptions, rolloutPlan } from './rollout.ts';
import type { Fits, Tags, ValueOf } from './tag.ts';

/** A model: what it reads, what it predicts, how it is trained. */
export interface Model<I extends Tags, F extends Tags, L extends 'bool' | 'float', N extends string = string>
  extends ModelData {
  readonly name: N;
  readonly task: TaskOf<L>;
  readonly service: FeatureService<I, F>;
  /** Type of the label: true or false, or a number. */
  readonly labelTag: L;
}

export type TextColumn<S extends Tags> = { [C in keyof S & string]: S[C] extends 'text' ? C : never }[keyof S & string];

type BoolOrNumber = Bool | 'int' | 'int?' | 'float' | 'float?';
type Bool = 'bool' | 'bool?';
type LabelTag<T extends BoolOrNumber> = T extends Bool ? 'bool' : 'float';
type TaskOf<L extends 'bool' | 'float'> = L extends 'bool' ? 'binary' : 'regression';

/** A training row of a model. */
export interface TrainingRow<M extends Model<Tags, Tags, 'bool' | 'float'>> {
  readonly id: string;
  /** The instant its features are as of, epoch ms. */
  readonly at: number;
  readonly features: { readonly [K in keyof M['service']['outputs']]: ValueOf<M['service']['outputs'][K]> | null };
  readonly label: M['labelTag'] extends 'bool' ? boolean : number;
}

export interface ModelOptions<
  I extends Tags,
  F extends Tags,
  Spine extends Tags,
  From extends Tags,
  T extends BoolOrNumber,
> {
  /** `binary` for a label that is true or false, `regression` for a number. */
  readonly task: TaskOf<LabelTag<T>>;
  /** Of a regression that predicts a quantile of the label: which one, between 0 and 1. Its quality then has the pinball loss. */
  readonly quantile?: T extends Bool ? never : number;
  readonly service: FeatureService<I, F>;
  /** The source whose rows are the requests to learn from: it has the request's columns; its id names the prediction. */
  readonly spine: {
    readonly from: EventSource<Spine> & { readonly outputs: { readonly [K in keyof I]: Fits<I[K]> } };
    readonly id: TextColumn<Spine>;
  };
  readonly label: {
    readonly from: EventSource<From>;
    /** The column that holds the prediction's id. */
    readonly id: TextColumn<From>;
    readonly value: (event: Columns<EventSource<From>>) => Expr<T>;
    /** The label where none came in time; without it such a prediction has none. */
    readonly otherwise?: T extends Bool ? boolean : number;
    /** How long after the prediction a label counts. */
    readonly within: DurationText;
  };
  /** Early signs of the label, by name: measured against it, and shown next to estimates. */
  readonly proxies?: Readonly<Record<string, LabelProxy>>;
  readonly train: {
    readonly with: { readonly kind: string; readonly [option: string]: unknown };
    /** How much of the past is trained on; all without it. */
    readonly window?: DurationText;
  };
  readonly monitors?: readonly MonitorOptions<keyof F & string>[];
  /** Time within which 99 of 100 predictions should be answered, features and log included. */
  readonly p99?: DurationText;
  /** How findings of the monitors are answered; without it nothing is done about them. See the guide to drift. */
  readonly playbook?: PlaybookOptions<keyof F & string>;
  /** How a new version replaces the champion; see the guide to rollouts. */
  readonly rollout?: RolloutOptions<keyof I & string>;
}

/** Declares a model. Errors: NAME_TEXT, WINDOW_TEXT, MODEL_SPINE, MODEL_INPUT, MODEL_COLUMN, MODEL_LABEL, MODEL_OPTION, MODEL_MONITOR, MODEL_TASK, MODEL_QUANTILE, MODEL_PLAYBOOK, MODEL_ROLLOUT, MODEL_PROXY. */
export function model<
  I extends Tags,
  F extends Tags,
  Spine extends Tags,
  From extends Tags,
  T extends BoolOrNumber,
  const N extends string = string,
>(name: N, options: ModelOptions<I, F, Spine, From, T>): Model<I, F, LabelTag<T>, N> {
  checkName('model', name);
  const { task, service, spine, label, train } = options;
  for (const [column, spec] of Object.entries(service.request)) {
    const found = Object.hasOwn(spine.from.columns, column) ? spine.from.columns[column] : undefined;
    // A decimal of another scale is another number.
    if (found === undefined || plainType(found) !== plainType(spec))
      throw fail('MODEL_SPINE', { model: name, source: spine.from.name, column, type: plainType(spec) });
  }
  if (service.features.every(({ type }) => modelNumbers(type) === 0))
    throw fail('MODEL_INPUT', { model: name, service: service.name });
  requireId(name, 'spine', spine);
  requireId(name, 'label', label);
  const { monitors = [], playbook = {}, rollout = {} } = options;
  for (const [option, written] of Object.entries({ 'train.with': train.with, monitors, playbook, rollout })) {
    checkJson(name, option, written);
  }
  for (const monitor of monitors) resolveMonitor({ name, task, service }, { ...monitor });
  const value = label.value(columnExpressions(label.from.columns) as unknown as Columns<EventSource<From>>);
  if (!LABEL_TYPES.includes(value.spec.type)) throw fail('MODEL_LABEL', { model: name, type: plainType(value.spec) });
  const judged = {
    from: label.from,
    id: label.id,
    value: value.expression,
    valueType: value.spec,
    otherwise: label.otherwise ?? null,
    withinMs: parseDuration(label.within, `the label of model ${name}`),
  };
  const proxies = resolveProxies(name, judged, options.proxies ?? {});
  const declared: Model<I, F, LabelTag<T>, N> = {
    kind: 'model',
    name,
    task: checkedTask(name, task, value.spec.type, label.otherwise),
    quantile: checkedQuantile(name, task, options.quantile),
    service,
    spine: { from: spine.from, id: spine.id },
    label: judged,
    ...(proxies.length === 0 ? {} : { proxies }),
    train: {
      with: train.with,
      windowMs: train.window === undefined ? null : parseDuration(train.window, `the training window of model ${name}`),
    },
    monitors: monitors.map((monitor) => ({ ...monitor })),
    p99Ms: options.p99 === undefined ? null : parseDuration(options.p99, `the p99 of model ${name}`),
    playbook: { ...playbook },
    rollout: { ...rollout },
    labelTag: (value.of.startsWith('bool') ? 'bool' : 'float') as LabelTag<T>,
  };
  // Refused where it is declared, not where it starts.
  rolloutPlan(declared);
  playbookPlan(declared);
  return freeze(declared);
}

/** Types of a label: what leaves a double as it is. */
const LABEL_TYPES: readonly ValueType[] = ['bool', 'int', 'float'];

/** A column's type as text, whether it can be null or not. */
function plainType(spec: ColumnSpec): string {
  return typeText({ ...spec, nullable: false });
}

function requireId(
  model: string,
  role: string,
  { from, id }: { readonly from: EventSourceData; readonly id: string },
): void {
  const spec = Object.hasOwn(from.columns, id) ? from.columns[id] : undefined;
  if (spec?.type !== 'text') throw fail('MODEL_COLUMN', { model, role, column: id, source: from.name });
}

/** Types of a label, by the task that it is for. */
const TASK_LABELS: Readonly<Record<ModelData['task'], readonly ColumnSpec['type'][]>> = {
  binary: ['bool'],
  regression: ['int', 'float'],
};

/** The task, which a declaration in JavaScript may have written as anything. Error: MODEL_TASK. */
function checkedTask<T extends ModelData['task']>(
  model: string,
  task: T,
  type: ColumnSpec['type'],
  otherwise: unknown,
): T {
  const types: readonly ColumnSpec['type'][] = Object.hasOwn(TASK_LABELS, task) ? TASK_LABELS[task] : [];
  if (!types.includes(type)) throw fail('MODEL_TASK', { model, task, label: type });
  const fits = task === 'binary' ? typeof otherwise === 'boolean' : Number.isFinite(otherwise);
  if (otherwise !== undefined && !fits)
    throw fail('MODEL_TASK', { model, task, label: `${String(otherwise)} where none came` });
  return task;
}

/** Error: MODEL_QUANTILE. */
function checkedQuantile(model: string, task: ModelData['task'], quantile: number | undefined): number | null {
  if (quantile === undefined) return null;
  if (task !== 'regression' || !(quantile > 0 && quantile < 1)) throw fail('MODEL_QUANTILE', { model, task, quantile });
  return quantile;
}

/** Options that are stored as written: a value that JSON would change is rejected. Error: MODEL_OPTION. */
function checkJson(model: string, option: string, value: unknown): void {
  const path = foreignPath(value, option, new Set());
  if (path !== null) throw fail('MODEL_OPTION', { model, option: path });
}

/** Where a value holds what JSON cannot: a function, a bigint, NaN, an instance of a class, itself. */
function foreignPath(value: unknown, path: string, around: ReadonlySet<unknown>): string | null {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : path;
  if (typeof value !== 'object' || around.has(value) || !isPlain(value)) return path;
  const within = new Set([...around, value]);
  for (const [name, member] of Object.entries(value)) {
    const found = foreignPath(member, `${path}.${name}`, within);
    if (found !== null) return found;
  }
  return null;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
