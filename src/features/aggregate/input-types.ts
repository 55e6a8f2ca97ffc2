import type { ColumnSpec } from '../../schema/column.ts';

type InputType = ColumnSpec['type'];

/** Whole numbers, whose sums do not depend on order. */
export const EXACT_NUMBERS: readonly InputType[] = ['int', 'int64', 'decimal'];
/** Values of which equal ones have one text on every engine, so that they can be counted apart. */
export const EXACT_VALUES: readonly InputType[] = ['text', 'int', 'int64', 'decimal', 'bool', 'time'];
/** Every value that is one scalar. */
export const SCALARS: readonly InputType[] = [...EXACT_VALUES, 'float'];
/** Every value that is kept whole. */
export const KEPT: readonly InputType[] = [...SCALARS, 'embedding'];
/** Values with a natural order. */
export const ORDERED: readonly InputType[] = ['int', 'int64', 'decimal', 'float', 'time', 'text'];
/** Values that fall in bins of whole numbers. */
export const BINNED: readonly InputType[] = ['int', 'int64', 'decimal', 'time'];
