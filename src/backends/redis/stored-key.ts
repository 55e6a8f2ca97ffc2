import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { bytesOf, type Reply, textOf } from './redis-link.ts';
import { hopAndBlock, runOfBlocks } from './tile-block.ts';

/** All tiles of a key, by hop, and the stamp of its hash; null: it has none. */
export interface StoredKey {
  readonly runs: readonly TileRun[];
  readonly stamp: Buffer | null;
}

/** The contents of a key's whole hash. */
export function storedKey(layout: TileLayout, list: readonly Reply[]): StoredKey {
  const blocks: { readonly hop: number; readonly block: number; readonly bytes: Buffer }[] = [];
  let stamp: Buffer | null = null;
  for (let i = 0; i < list.length; i += 2) {
    const bytes = bytesOf(list[i + 1]);
    if (bytes === null) continue;
    const at = hopAndBlock(textOf(list[i]));
    if (at === null) stamp = bytes;
    else blocks.push({ ...at, bytes });
  }
  blocks.sort((a, b) => a.hop - b.hop || a.block - b.block);
  const runs = layout.view.hopsMs.map((hopMs, hop) =>
    runOfBlocks(
      layout,
      hopMs,
      blocks.filter((one) => one.hop === hop),
    ),
  );
  return { runs, stamp };
}
