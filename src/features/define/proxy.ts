import { canonicalJson, type Json } from '../../base/canonical-json.ts';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import type { Expression } from '../expression/expression.ts';
import { checkName } from './check-name.ts';
import type { EventSourceData, LabelSpec, ProxyData } from './declaration.ts';
import type { Columns, EventSource } from './event-source.ts';
import { columnExpressions, type Expr } from './expression-factories.ts';
import type { TextColumn } from './model.ts';
import type { Tags } from './tag.ts';

type Judged = 'bool' | 'bool?' | 'int' | 'int?' | 'float' | 'float?';

export interface ProxyOptions<From extends Tags, T extends Judged> {
  readonly from: EventSource<From>;
  /** The text column that holds the prediction's id. */
  readonly id: TextColumn<From>;
  readonly value: (event: Columns<EventSource<From>>) => Expr<T>;
  /** The value where no event came in time; without it such a prediction has none. */
  readonly otherwise?: boolean | number;
  /** How long after the prediction an event counts: less than the label's time. */
  readonly within: DurationText;
}

/** An early sign of the label: an expression over events. Made by `proxy`. */
export interface LabelProxy {
  readonly kind: 'proxy';
  readonly from: EventSourceData;
  readonly id: string;
  readonly value: Expression;
  readonly valueType: ColumnSpec;
  readonly otherwise: boolean | number | null;
  readonly within: DurationText;
}

/**
 * Declares an early sign of a model's label: a click, a refund, a manual override. It is measured against the label and shown
 * next to estimates; nothing is trained on it.
 */
export function proxy<From extends Tags, T extends Judged>(options: ProxyOptions<From, T>): LabelProxy {
  const { from, id, within, otherwise } = options;
  const value = options.value(columnExpressions(from.columns) as unknown as Columns<EventSource<From>>);
  const { expression, spec } = value;
  return { kind: 'proxy', from, id, value: expression, valueType: spec, otherwise: otherwise ?? null, within };
}

/** Types of a proxy: those of a label. */
const TYPES: readonly ColumnSpec['type'][] = ['bool', 'int', 'float'];

/** Most proxies of a model: each is two reads of a report. */
const MOST = 10;

/** Checks the proxies of a model against its label. Errors: MODEL_PROXY, NAME_TEXT. */
export function resolveProxies(
  model: string,
  label: LabelSpec,
  written: Readonly<Record<string, LabelProxy>>,
): readonly ProxyData[] {
  const names = Object.keys(written);
  if (names.length > MOST)
    throw fail('MODEL_PROXY', { model, proxy: names[MOST], reason: `a model has at most ${MOST} proxies` });
  return Object.entries(written).map(([name, proxied]) => {
    const refuse = (reason: string) => fail('MODEL_PROXY', { model, proxy: name, reason });
    const { from, id, value, valueType, otherwise } = proxied;
    checkName('proxy', name);
    const column = Object.hasOwn(from.columns, id) ? from.columns[id] : undefined;
    if (column?.type !== 'text') throw refuse(`its id "${id}" is no text column of ${from.name}`);
    if (!TYPES.includes(valueType.type)) throw refuse(`its value is of type ${valueType.type}`);
    if (otherwise !== null && (typeof otherwise === 'boolean') !== (valueType.type === 'bool'))
      throw refuse(`its value where none came, ${String(otherwise)}, is of another type`);
    const withinMs = durationOf(model, name, proxied.within);
    if (withinMs >= label.withinMs) throw refuse('it may come as late as the label, so it says nothing before it');
    const isLabel = from.name === label.from.name && id === label.id && sameJson(value, label.value);
    if (isLabel) throw refuse('it is the label itself');
    return { name, from, id, value, valueType, otherwise, withinMs };
  });
}

function durationOf(model: string, proxied: string, text: DurationText): number {
  try {
    return parseDuration(text, `proxy ${proxied} of model ${model}`);
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    throw fail('MODEL_PROXY', { model, proxy: proxied, reason: error.message }, error);
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a as Json) === canonicalJson(b as Json);
}
