import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { type TileRun, takeTiles } from '../../../features/tile/tile-run.ts';
import type { TileRead } from '../../../ports/online-store.ts';
import type { CheckedFile } from './checked-file.ts';
import type { EntityRecords } from './entity-records.ts';
import type { Entries } from './entries.ts';
import type { FormerEntries } from './former-entries.ts';
import { GatheredTiles } from './gathered-tiles.ts';
import { blockKey, blocksOfTier, recordPlace, tierAndBlock } from './store-keys.ts';
import { blockOf } from './tile-block.ts';

/** Blocks of a read that are looked up one by one. */
const MOST_GETS = 8;

/** Reads tiles out of their blocks. Hot path. */
export class TileReads {
  readonly #entries: Entries;
  readonly #checked: Pick<CheckedFile, 'isAbsent'>;
  readonly #records: Pick<EntityRecords, 'tierOf'>;
  readonly #former: FormerEntries;
  readonly #gathered = new GatheredTiles();

  constructor(
    entries: Entries,
    checked: Pick<CheckedFile, 'isAbsent'>,
    records: Pick<EntityRecords, 'tierOf'>,
    former: FormerEntries,
  ) {
    this.#entries = entries;
    this.#checked = checked;
    this.#records = records;
    this.#former = former;
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
    if (this.#checked.isAbsent(recordPlace(entity))) return gathered;
    for (let i = 0; i < reads.length; i += 1) this.#readBlocks(reads[i], gathered[i]);
    return gathered;
  }

  /** The blocks that a read takes, and no others: few are looked up one by one, many are walked over. */
  #readBlocks(read: TileRead, into: TileRun): void {
    const { layout, hopMs, wanted = [read] } = read;
    const tier = this.#records.tierOf(layout, hopMs);
    if (tier === null && !this.#former.isThere) return;
    let next = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < wanted.length; i += 1) {
      const first = Math.max(next, blockOf(wanted[i].from, hopMs));
      const last = blockOf(wanted[i].to - 1, hopMs);
      next = Math.max(next, last + 1);
      if (isWide(read, wanted[i])) this.#walk(read, tier, first, last, into);
      else for (let block = first; block <= last; block += 1) this.#readBlock(read, tier, block, into);
    }
  }

  #readBlock(read: TileRead, tier: number | null, block: number, into: TileRun): void {
    const { layout, key, hopMs } = read;
    const content = tier === null ? undefined : this.#entries.get(blockKey(recordPlace(key), tier, block));
    const found = content ?? this.#former.block(layout.viewId, key, hopMs, block);
    if (found !== undefined) this.#gathered.gather(read, block, found, into);
  }

  #walk(read: TileRead, tier: number | null, first: number, last: number, into: TileRun): void {
    const { layout, key, hopMs } = read;
    if (this.#former.isThere) {
      for (const block of this.#former.blocks(layout.viewId, key, hopMs, tier))
        if (block >= first && block <= last) this.#readBlock(read, tier, block, into);
      return;
    }
    if (tier === null) return;
    this.#entries.each(blocksOfTier(recordPlace(key), tier, first, last), (found, content) =>
      this.#gathered.gather(read, tierAndBlock(found)?.block ?? 0, content, into),
    );
  }
}

/** Whether the starts of a read take a walk over blocks, which are not looked up one by one. */
function isWide({ hopMs }: TileRead, { from, to }: Pick<TileRead, 'from' | 'to'>): boolean {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return true;
  return blockOf(to - 1, hopMs) - blockOf(from, hopMs) >= MOST_GETS;
}
