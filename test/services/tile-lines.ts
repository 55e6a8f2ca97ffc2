import { createHash } from 'node:crypto';
import { compareText } from '../../src/base/text-order.ts';
import { COUNT, GENERATION, MAX_TS, START } from '../../src/features/tile/tile-layout.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';

/** Tiles as sorted lines: hop, key, start, n, generation, greatest time, then every column and part of every partial. */
export function tileLines(tiles: Iterable<TileWrite>): readonly string[] {
  return Array.from(tiles, lineOf).sort(compareText);
}

function lineOf({ layout, hopMs, key, run, index }: TileWrite): string {
  const at = index * layout.numbers;
  const cells: unknown[] = [hopMs, key, run.nums[at + START], run.nums[at + COUNT], run.nums[at + GENERATION]];
  cells.push(run.nums[at + MAX_TS]);
  for (const { aggregate, num, obj } of layout.partials) {
    const place = [run, at + num, index * layout.objects + obj] as const;
    const parts = aggregate.parts?.toParts(...place) ?? [];
    cells.push(
      ...aggregate.toColumns(...place),
      ...parts.map(({ part, value }) => `${part}=${value}`).sort(compareText),
    );
  }
  return cells.map((cell) => (cell === null ? '∅' : String(cell))).join('|');
}

/** What two engines that give the same tiles have in common. */
export function checksumOf(lines: readonly string[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest('hex');
}
