import type { Aggregate } from './aggregate.ts';

/** How a number slot of a partial merges by itself: by adding, or by taking the lesser or the greater. */
export type SlotFold = 'add' | 'least' | 'greatest';

/**
 * A partial of number slots alone, each merged by itself: a reader then goes over the tiles of a range once for all slots
 * of all aggregates. Slots that add may leave what they allow themselves (a low word beyond 2^32) until `settle` carries;
 * at most {@link SETTLE_AFTER} partials are added in between.
 */
export interface Fold {
  /** By number slot. */
  readonly slots: readonly SlotFold[];
  /** Brings the slots of a partial at `n` in order after additions. */
  readonly settle: (nums: Float64Array, n: number) => void;
}

/** 2^12 limbs of 2^40 are a safe integer. */
export const SETTLE_AFTER = 4_096;

/** The members of an aggregate that merges by folding its slots. */
export function foldsBy(
  slots: readonly SlotFold[],
  settle: Fold['settle'] = nothing,
): Pick<Aggregate, 'fold' | 'mergeRange'> {
  const mergeRange: Aggregate['mergeRange'] = (into, n, _o, from, fn, _fo, stride, _objStride, count) => {
    for (let first = 0; first < count; first += SETTLE_AFTER) {
      const tiles = Math.min(SETTLE_AFTER, count - first);
      for (let s = 0; s < slots.length; s += 1) {
        into.nums[n + s] = foldSlot(slots[s], into.nums[n + s], from.nums, fn + first * stride + s, stride, tiles);
      }
      settle(into.nums, n);
    }
  };
  return { fold: { slots, settle }, mergeRange };
}

function nothing(): void {}

function foldSlot(kind: SlotFold, held: number, from: Float64Array, at: number, stride: number, tiles: number): number {
  switch (kind) {
    case 'add':
      return addRange(held, from, at, stride, tiles);
    case 'least':
      return leastOf(held, from, at, stride, tiles);
    case 'greatest':
      return greatestOf(held, from, at, stride, tiles);
    default:
      return kind satisfies never;
  }
}

/** `held` and every `stride`-th of `tiles` numbers from `at` on, added. Hot path, as those below. */
export function addRange(held: number, from: Float64Array, at: number, stride: number, tiles: number): number {
  let total = held;
  for (let i = 0; i < tiles; i += 1, at += stride) total += from[at];
  return total;
}

/** The least of `held` and every `stride`-th of `tiles` numbers from `at` on. */
export function leastOf(held: number, from: Float64Array, at: number, stride: number, tiles: number): number {
  let least = held;
  for (let i = 0; i < tiles; i += 1, at += stride) if (from[at] < least) least = from[at];
  return least;
}

/** The greatest of `held` and every `stride`-th of `tiles` numbers from `at` on. */
export function greatestOf(held: number, from: Float64Array, at: number, stride: number, tiles: number): number {
  let greatest = held;
  for (let i = 0; i < tiles; i += 1, at += stride) if (from[at] > greatest) greatest = from[at];
  return greatest;
}
