import type { PartRow } from '../aggregate/aggregate.ts';
import { isAdditive } from '../aggregate/retracting.ts';
import { scalarForm } from '../aggregate/value-text.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import { STAMP_END } from './partial.ts';

/** How often each element of `partElementSql` is there among the events of a tile. */
export type Multiset = Iterable<readonly [element: string, times: bigint]>;

/** The parts that a tile's multiset stands for. Error: a TypeError or SyntaxError where an element is none. */
export function readParts(spec: AggregateSpec, multiset: Multiset): readonly PartRow[] {
  if (spec.retracts === true && !isAdditive(spec.kind)) return remaining(multiset, spec);
  if (OF_DAYS.has(spec.kind)) return totals(multiset);
  const read = READERS[spec.kind];
  if (read === undefined) throw new TypeError(`${spec.kind} is not made of parts`);
  return Array.from(multiset, ([element, times]) => read(element, times));
}

type ReadPart = (element: string, times: bigint) => PartRow;

const READERS: Readonly<Partial<Record<AggregateSpec['kind'], ReadPart>>> = {
  lastN: (element) => ({ part: stampOf(element), value: textBehind(element) }),
  distinct: (part) => ({ part, value: 1n }),
  topK: (part, value) => ({ part, value }),
  topKCounts: (part, value) => ({ part, value }),
  quantile: (element, value) => ({ part: BigInt(element), value }),
  approxDistinct: (element) => ({ part: BigInt(element) / 64n, value: BigInt(element) % 64n }),
};

const OF_DAYS: ReadonlySet<AggregateSpec['kind']> = new Set(['meanOfDays', 'minOfDays', 'maxOfDays', 'quantileOfDays']);

/** The total of each day, from its different values. */
function totals(multiset: Multiset): readonly PartRow[] {
  const days = new Map<string, bigint>();
  for (const [element, times] of multiset) {
    const [day = '', value = ''] = element.split(' ');
    days.set(day, (days.get(day) ?? 0n) + times * BigInt(value));
  }
  return [...days].map(([day, total]) => ({ part: BigInt(day), value: String(total) }));
}

/** Images that were put in more often than they were taken away, or less. */
function remaining(multiset: Multiset, { inputType }: AggregateSpec): readonly PartRow[] {
  const images = new Map<string, bigint>();
  const { toText, fromText } = scalarForm(inputType ?? { type: 'text', nullable: true });
  for (const [element, times] of multiset) {
    const image = element.slice(1);
    // Engines write the same double differently.
    const part = stampOf(image) + toText(fromText(textBehind(image)));
    images.set(part, (images.get(part) ?? 0n) + (element.startsWith('-') ? -times : times));
  }
  return [...images].filter(([, times]) => times !== 0n).map(([part, value]) => ({ part, value }));
}

function stampOf(element: string): string {
  return element.slice(0, STAMP_END - 1);
}

function textBehind(element: string): string {
  return element.slice(STAMP_END - 1);
}
