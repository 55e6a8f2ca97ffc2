import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';

type Pair = readonly [number, number];
type Visible = (blocks: readonly Pair[], span: { from: number; to: number; width: number }) => readonly Pair[];
const { visibleBlocks }: { visibleBlocks: Visible } = await import(`${root}/console/src/pages/gpu/visible-blocks.ts`);

/** Blocks in order, from gaps and lengths. */
const lanes = fc
  .array(fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.double({ min: 0.001, max: 50, noNaN: true })))
  .map((parts) => {
    let at = 0;
    return parts.map(([gap, length]): Pair => {
      const from = at + gap;
      at = from + length;
      return [from, length];
    });
  });

test('bars of a lane are in order within the width, at most two a pixel, and cover each block of the span', () => {
  fc.assert(
    fc.property(
      lanes,
      fc.nat(400),
      fc.integer({ min: 1, max: 4_000 }),
      fc.integer({ min: 1, max: 300 }),
      (...given) => {
        const [blocks, from, length, width] = given;
        const to = from + length;
        const bars = visibleBlocks(blocks, { from, to, width });
        expect(bars.length).toBeLessThanOrEqual(2 * width);
        const perPx = (to - from) / width;
        for (const [i, [left, right]] of bars.entries()) {
          expect(left).toBeGreaterThanOrEqual(i === 0 ? 0 : (bars[i - 1]?.[0] ?? 0));
          expect(right).toBeLessThanOrEqual(width);
        }
        for (const [start, size] of blocks) {
          if (start + size <= from || start >= to) continue;
          const middle = (Math.max(from, start) + Math.min(to, start + size)) / 2;
          const px = (middle - from) / perPx;
          // A bar is drawn there, or so near that one pixel holds both.
          expect(bars.some(([left, right]) => px >= left - 1 && px <= right + 1)).toBe(true);
        }
      },
    ),
  );
});

test('a lane of very many blocks looks at few of them for each pixel', () => {
  let looked = 0;
  const many = Array.from({ length: 200_000 }, (_, i): Pair => [2 * i, 1]);
  const counted = new Proxy(many, {
    get: (target, name, of) => {
      if (typeof name === 'string' && /^\d+$/.test(name)) looked += 1;
      return Reflect.get(target, name, of);
    },
  });
  const width = 1_400;
  for (const to of [400_000, 40_000, 2_000]) {
    looked = 0;
    expect(visibleBlocks(counted, { from: 0, to, width }).length).toBeGreaterThan(width / 2);
    expect(looked).toBeLessThan(2 * width * 20);
  }
});
