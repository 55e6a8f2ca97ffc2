import type { AggregateSpec } from '../../features/define/declaration.ts';
import type { Value } from '../../schema/column.ts';
import { hasSpread, naiveMean } from './naive-aggregate.ts';

const LARGEST_SQUARED = 3_000_000_000_000_000n;

/** A count, share, sum, mean or spread by its definition, over what is put in less what is taken away. */
export function naiveSigned(
  { kind, inputType }: AggregateSpec,
  puts: readonly Value[],
  takes: readonly Value[],
): Value | undefined {
  if (kind === 'mean' && inputType?.type === 'embedding') return naiveMean(puts, takes, inputType.length ?? 1);
  const unit = inputType?.type === 'decimal' ? 10 ** (inputType.scale ?? 0) : 1;
  const n = present(puts).length - present(takes).length;
  const hits = truths(puts) - truths(takes);
  if (kind === 'count') return inputType?.type === 'bool' ? hits : n;
  if (kind === 'share') return n > 0 ? hits / n : null;
  const sum = total(puts, (x) => x) - total(takes, (x) => x);
  if (kind === 'sum') return n > 0 ? withinType(sum, inputType?.type ?? 'int') : null;
  if (kind === 'mean') return n > 0 ? Number(sum) / (n * unit) : null;
  const ddof = kind.endsWith('Sample') ? 1 : 0;
  if (n <= ddof) return null;
  if (present([...puts, ...takes]).some((value) => absolute(exact(value)) > LARGEST_SQUARED)) return undefined;
  const squares = total(puts, (x) => x * x) - total(takes, (x) => x * x);
  if (!hasSpread(n, squares, sum)) return undefined;
  const numerator = BigInt(n) * squares - sum * sum;
  if (numerator < 0n) return undefined;
  const variance = Number(numerator) / (n * (n - ddof) * unit * unit);
  return kind.startsWith('stddev') ? Math.sqrt(variance) : variance;
}

function present(values: readonly Value[]): readonly Value[] {
  return values.filter((value) => value !== null);
}

function truths(values: readonly Value[]): number {
  return values.filter((value) => value === true).length;
}

function exact(value: Value): bigint {
  return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n;
}

function total(values: readonly Value[], of: (x: bigint) => bigint): bigint {
  return values.reduce((sum: bigint, value) => sum + of(exact(value)), 0n);
}

function absolute(x: bigint): bigint {
  return x < 0n ? -x : x;
}

function withinType(sum: bigint, type: string): Value | undefined {
  if (type !== 'int') return BigInt.asIntN(64, sum) === sum ? sum : undefined;
  return absolute(sum) > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(sum);
}
