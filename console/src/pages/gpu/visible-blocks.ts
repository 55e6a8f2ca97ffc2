/** A block of a lane: where it begins and how long it is, µs. Blocks are in order and do not overlap. */
export type Block = readonly [from: number, length: number];

/** A drawn part of a lane, in pixels. */
export type Bar = readonly [left: number, right: number];

/** Bars are further apart than this, px: blocks in between are one bar with the block before them. */
const APART_PX = 0.5;

/**
 * The bars that show a span of a lane. It looks at a few blocks for each pixel, however many there are: a lane of very many blocks is
 * drawn as fast as one that fills the width.
 */
export function visibleBlocks(
  blocks: readonly Block[],
  { from, to, width }: { readonly from: number; readonly to: number; readonly width: number },
): readonly Bar[] {
  const bars: Bar[] = [];
  const perPx = (to - from) / width;
  for (let i = firstEndingAfter(blocks, from, 0); i < blocks.length; ) {
    const [start, length] = blocks[i] ?? [to, 0];
    if (start >= to) break;
    const left = Math.max(0, (start - from) / perPx);
    const right = Math.min(width, Math.max((start + length - from) / perPx, left + 1));
    bars.push([left, right]);
    i = firstEndingAfter(blocks, from + (right + APART_PX) * perPx, i + 1);
  }
  return bars;
}

/** The first block from `low` on that ends after an instant. */
function firstEndingAfter(blocks: readonly Block[], at: number, low: number): number {
  let [least, most] = [low, blocks.length];
  while (least < most) {
    const middle = (least + most) >>> 1;
    const [start, length] = blocks[middle] ?? [0, 0];
    if (start + length > at) most = middle;
    else least = middle + 1;
  }
  return least;
}
