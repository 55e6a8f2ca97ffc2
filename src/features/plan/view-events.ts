import type { Columns } from '../../schema/column.ts';
import type { AggregateSpec, RowImages, StreamViewData } from '../define/declaration.ts';
import type { Expression } from '../expression/expression.ts';
import type { AdmissionPlan, Reach } from './admission.ts';
import { keyColumn, sourceColumn } from './names.ts';
import type { PointKey } from './points.ts';

/**
 * The events of a view: entity key, `id`, `ts`, `ingest_ts` and the inputs of its aggregates `i_0`, `i_1`, …, each
 * expression once. Rows with a null in the key belong to no entity and are left out.
 */
export interface ViewEventsPlan {
  readonly kind: 'viewEvents';
  readonly from: AdmissionPlan;
  /** Columns of the source, for the types of expressions. */
  readonly source: Columns;
  readonly keys: readonly ViewKey[];
  readonly inputs: readonly ViewInput[];
  /** null: all. */
  readonly reach: ViewReach | null;
  /**
   * Columns of the row's id and time, and of its deletion, in a source of changes: `id` and `ts` are then the row's own,
   * and `changed` and `sign` are additional. null: events.
   */
  readonly images: RowImages | null;
}

/** Only the events that can count for a spine, of the entities that it asks for. */
export interface ViewReach extends Reach {
  readonly keys: readonly PointKey[];
}

export interface ViewKey {
  /** Name in the result. */
  readonly name: string;
  /** Column of the accepted events. */
  readonly of: string;
}

export interface ViewInput {
  readonly name: string;
  readonly expression: Expression;
}

/** The events of a view with the inputs that the given aggregates need. */
export function viewEvents(
  view: StreamViewData,
  aggregates: readonly AggregateSpec[],
  from: AdmissionPlan,
  reach: ViewReach | null = null,
): ViewEventsPlan {
  const inputs: ViewInput[] = [];
  for (const { input } of aggregates) {
    if (input !== null && inputName(inputs, input) === null)
      inputs.push({ name: `i_${inputs.length}`, expression: input });
  }
  const keys = Object.keys(view.entity.key).map((name) => ({
    name: keyColumn(name),
    of: sourceColumn(view.key[name]),
  }));
  const { columns, changes } = view.source;
  const images =
    changes === undefined
      ? null
      : { id: sourceColumn(changes.id), time: sourceColumn(changes.time), before: sourceColumn(changes.before) };
  return { kind: 'viewEvents', from, source: columns, keys, inputs, reach, images };
}

/** The name of an aggregate's input among those of the view's events; null where it has none. */
export function inputName(inputs: readonly ViewInput[], input: Expression | null): string | null {
  const text = JSON.stringify(input);
  return inputs.find(({ expression }) => JSON.stringify(expression) === text)?.name ?? null;
}
