import type { ColumnSpec } from '../../schema/column.ts';
import { isAdditive } from '../aggregate/retracting.ts';
import type { AggregateKind, AggregateSpec, StreamViewData } from '../define/declaration.ts';
import type { AdmissionPlan } from './admission.ts';
import { inputName, type ViewEventsPlan, viewEvents } from './view-events.ts';

/** Kinds of aggregate whose partial is rows rather than columns. */
export const PART_KINDS = [
  'lastN',
  'distinct',
  'approxDistinct',
  'quantile',
  'topK',
  'topKCounts',
  'meanOfDays',
  'minOfDays',
  'maxOfDays',
  'quantileOfDays',
] as const satisfies AggregateKind[];
/** `images`: those of rows that can be taken away again, for any kind that is no sum. */
export type PartKind = (typeof PART_KINDS)[number] | 'images';

/** An aggregate made of parts: kind and input type determine the part and value of an event. */
export interface PartAggregate {
  readonly kind: PartKind;
  readonly input: string;
  readonly inputType: ColumnSpec;
  readonly params: Readonly<Record<string, number>>;
}

/** The parts of one aggregate of a view's tiles, with the columns of `partsTable`. */
export interface PartsPlan {
  readonly kind: 'parts';
  readonly from: ViewEventsPlan;
  readonly hopMs: number;
  readonly generation: number;
  readonly aggregate: PartAggregate;
}

/** Parts from the accepted events of the view's source; null where the aggregate's partial is columns. */
export function parts(
  view: StreamViewData,
  spec: AggregateSpec,
  hopMs: number,
  generation: number,
  accepted: AdmissionPlan,
): PartsPlan | null {
  const from = viewEvents(view, [spec], accepted);
  const aggregate = partAggregate(spec, from);
  return aggregate === null ? null : { kind: 'parts', from, hopMs, generation, aggregate };
}

/** The aggregate as one of parts; null where its partial is columns. */
export function partAggregate(spec: AggregateSpec, events: ViewEventsPlan): PartAggregate | null {
  const images = spec.retracts === true && !isAdditive(spec.kind) ? 'images' : undefined;
  const kind = images ?? PART_KINDS.find((name) => name === spec.kind);
  const input = inputName(events.inputs, spec.input);
  if (kind === undefined || input === null || spec.inputType === null) return null;
  return { kind, input, inputType: spec.inputType, params: spec.params };
}
