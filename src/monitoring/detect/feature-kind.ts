import type { ColumnSide } from './column-side.ts';

/**
 * How a column is compared. A `category` may be stored as numbers; `manyValues` is text with too many values for a test of
 * each; an `embedding` is a vector of numbers; an `identifier` differs between any two files by construction and is not compared; `empty` has no value.
 */
export type FeatureKind = 'number' | 'category' | 'manyValues' | 'embedding' | 'identifier' | 'empty';

/** Whole numbers of this few values are a code, not a quantity. */
const MOST_CODES = 20;
/** Text with more values than this is compared by its frequent ones. */
const MOST_CATEGORIES = 50;
/** A share of different values as high as this is an identifier. Numbers that are counted exactly repeat never: counts and amounts do. */
const IDENTIFIER_SHARE = 0.9;
const EXACT_SHARE = 0.999;
const IDENTIFIER_ROWS = 1000;

/** Why a column of a kind is not looked at; null: it is. */
export function whyExcluded(kind: FeatureKind): string | null {
  if (kind === 'identifier') return 'every row has its own value';
  return kind === 'empty' ? 'it has no value' : null;
}

/** From the reference: the kind does not change with a window. */
export function kindOf(reference: ColumnSide): FeatureKind {
  const filled = reference.rows - reference.missing;
  if (filled === 0) return 'empty';
  const unique = filled >= IDENTIFIER_ROWS && reference.distinct >= IDENTIFIER_SHARE * filled;
  if (reference.type === 'text') {
    if (unique) return 'identifier';
    return reference.distinct > MOST_CATEGORIES ? 'manyValues' : 'category';
  }
  const isExact = reference.distribution?.rankError === 0;
  const isNumbered = unique && (!isExact || reference.distinct >= EXACT_SHARE * filled);
  if (reference.whole && isNumbered && spansItsCount(reference, filled)) return 'identifier';
  const few = reference.distinct <= MOST_CODES && reference.values !== null && reference.infinite === 0;
  return few && (reference.whole || reference.distinct <= 2) ? 'category' : 'number';
}

/** Row numbers lie close together; amounts that happen to differ do not. */
function spansItsCount({ least, greatest }: ColumnSide, filled: number): boolean {
  return least !== null && greatest !== null && greatest - least < 20 * filled;
}
