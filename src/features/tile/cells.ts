/**
 * The memory of partial aggregates: a flat bank of numbers and one of objects. An aggregate owns `numbers` slots and
 * `objects` slots of each tile, at offsets that the tile layout gives.
 */
export interface Cells {
  nums: Float64Array;
  objs: unknown[];
}
