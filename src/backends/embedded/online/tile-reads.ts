import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { type TileRun, takeTiles } from '../../../features/tile/tile-run.ts';
import type { TileRead } from '../../../ports/online-store.ts';
import type { CheckedFile } from './checked-file.ts';
import type { Entries } from './entries.ts';
import { GatheredTiles } from './gathered-tiles.ts';
import { blockPlace, blocksOfHop, hopAndBlock, tileHeadOf, tilesOfKey } from './store-keys.ts';
import { blockOf, TILES_PER_BLOCK } from './tile-block.ts';

/** Blocks of a read that are looked up one by one. */
const MOST_GETS = 8;

/** Reads tiles out of their blocks. Hot path. */
export class TileReads {
  readonly #entries: Entries;
  readonly #checked: Pick<CheckedFile, 'isAbsent'>;
  readonly #gathered = new GatheredTiles();

  constructor(entries: Entries, checked: Pick<CheckedFile, 'isAbsent'>) {
    this.#entries = entries;
    this.#checked = checked;
  }

  read(reads: readonly TileRead[]): readonly TileRun[] {
    const runs: TileRun[] = [];
    while (runs.length < reads.length) {
      const { layout, key: entity } = reads[runs.length];
      let end = runs.length + 1;
      while (end < reads.length && reads[end].layout === layout && reads[end].key === entity) end += 1;
      for (const run of this.#readKey(layout, entity, reads.slice(runs.length, end))) runs.push(takeTiles(run, layout));
    }
    return runs;
  }

  /** The tiles of a key, by read, in runs that the next key is gathered in. */
  #readKey(layout: TileLayout, entity: string, reads: readonly TileRead[]): readonly TileRun[] {
    const gathered = this.#gathered.empty(layout, reads.length);
    if (this.#checked.isAbsent(tileHeadOf(layout.viewId, entity))) return gathered;
    if (reads.some((read) => read.wanted === undefined && isWide(read, read)))
      this.#scanKey(layout, entity, reads, gathered);
    else for (let i = 0; i < reads.length; i += 1) this.#readBlocks(reads[i], gathered[i]);
    return gathered;
  }

  /** The blocks that a read takes, and no others: few are looked up one by one, many are walked over. */
  #readBlocks(read: TileRead, into: TileRun): void {
    const { layout, key, hopMs, wanted = [read] } = read;
    let next = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < wanted.length; i += 1) {
      const first = Math.max(next, blockOf(wanted[i].from, hopMs));
      const last = blockOf(wanted[i].to - 1, hopMs);
      next = Math.max(next, last + 1);
      if (isWide(read, wanted[i])) {
        this.#entries.each(blocksOfHop(layout.viewId, key, hopMs, first, last), (found, content) =>
          this.#gathered.gather(read, hopAndBlock(found).block, content, into),
        );
        continue;
      }
      for (let block = first; block <= last; block += 1) {
        const content = this.#entries.get(blockPlace(layout.viewId, key, hopMs, block));
        if (content !== undefined) this.#gathered.gather(read, block, content, into);
      }
    }
  }

  /** Reads of one key by a walk over all its blocks. */
  #scanKey(layout: TileLayout, entity: string, reads: readonly TileRead[], gathered: readonly TileRun[]): void {
    this.#entries.each(tilesOfKey(layout.viewId, entity), (found, content) => {
      const { hopMs, block } = hopAndBlock(found);
      const start = block * TILES_PER_BLOCK * hopMs;
      for (let i = 0; i < reads.length; i += 1) {
        const read = reads[i];
        if (read.hopMs === hopMs && start < read.to && start + TILES_PER_BLOCK * hopMs > read.from)
          this.#gathered.gather(read, block, content, gathered[i]);
      }
    });
  }
}

/** Whether the starts of a read take a walk over blocks, which are not looked up one by one. */
function isWide({ hopMs }: TileRead, { from, to }: Pick<TileRead, 'from' | 'to'>): boolean {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return true;
  return blockOf(to - 1, hopMs) - blockOf(from, hopMs) >= MOST_GETS;
}
