import { START, type TileLayout } from '../../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../../features/tile/tile-run.ts';
import { upsertTile } from '../../../features/tile/upsert.ts';
import { storesWindows } from '../../../features/window/stored-windows.ts';
import type { TileReport } from '../../../ports/online-store.ts';
import type { Position } from '../../../ports/position.ts';
import { AppendedKeys } from './appended-keys.ts';
import { type CommitChunk, readChunk, type TakesChunk } from './commit-buffer.ts';
import { WINDOWS } from './entity-records.ts';
import type { Entries } from './entries.ts';
import { sumOf } from './entry-sum.ts';
import { hasFormerEntries } from './former-entries.ts';
import { formerBlockKey, formerWindowsKey } from './former-keys.ts';
import { Changes } from './news.ts';
import { RecordWrites } from './record-writes.ts';
import { blockKey, positionKey } from './store-keys.ts';
import { decodeBlock, encodeBlock, TILES_PER_BLOCK } from './tile-block.ts';
import { numberNames, tierName } from './view-numbers.ts';

/** A commit as it is written. */
export interface WholeCommit {
  readonly writer: string;
  readonly position: Position;
  readonly chunks: readonly CommitChunk[];
  /** Whatever arrived before it is in these tiles and those before; undefined: not known. */
  readonly freshUntil: number | undefined;
}

/** Upserts the tiles of a commit, by blocks, and writes stored windows and its position, in one transaction. Errors: STORE_WRITE, STORE_CORRUPT. */
export function writeCommit(
  entries: Entries,
  layouts: readonly TileLayout[],
  { writer, position, chunks, freshUntil }: WholeCommit,
): TileReport {
  const report = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  const changes = new Changes();
  let [refused, applied] = [0, 0];
  const numbers = new Map<TileLayout, number>();
  const records = new RecordWrites(entries);
  entries.write(() => {
    const former = hasFormerEntries(entries);
    const blocks = new BlockWrites(entries, layouts, report, former);
    const stored = layouts.filter(storesWindows);
    const ids = stored.map(({ viewId }) => viewId);
    for (const [i, number] of numberNames(entries, ids).entries()) numbers.set(stored[i], number);
    const appended = former || !entries.isChecked ? null : new AppendedKeys(entries);
    const take: TakesChunk = {
      block: (layout, hopMs, record, block, tiles) => {
        const isNew = appended?.takes(record) === true && blocks.append(appended, layout, hopMs, record, block, tiles);
        if (isNew || blocks.write(layout, hopMs, record, block, tiles)) changes.note(layout.viewId, record);
      },
      windows: (layout, record, windows) => {
        const wasRefused = report.stale + report.conflict > refused;
        const wasApplied = report.applied > applied;
        refused = report.stale + report.conflict;
        applied = report.applied;
        // Where a tile was refused they are of other tiles than the stored ones.
        const written = windows === null || wasRefused ? null : windows;
        if (written === null && !wasApplied) return;
        const view = numbers.get(layout) ?? 0;
        if (appended?.takes(record) === true) {
          if (written !== null) appended.addWindows(view, written);
          return;
        }
        records.add(record, { view, attempt: WINDOWS, content: written });
        if (former) entries.remove(formerWindowsKey(layout.viewId, record));
      },
    };
    for (const chunk of chunks) readChunk(chunk, layouts, take);
    appended?.close();
    records.write();
    changes.write(entries, freshUntil);
    entries.put(positionKey(writer), Buffer.from(JSON.stringify(position)));
  });
  return report;
}

/** Upserts tiles into their blocks, within a transaction. Hot path. */
class BlockWrites {
  readonly #entries: Entries;
  readonly #report: Record<keyof TileReport, number>;
  /** Whether blocks may be where a former format put them. */
  readonly #former: boolean;
  readonly #scratch: ReadonlyMap<TileLayout, TileRun>;
  readonly #tiers = new Map<TileLayout, ReadonlyMap<number, number>>();

  constructor(
    entries: Entries,
    layouts: readonly TileLayout[],
    report: Record<keyof TileReport, number>,
    former: boolean,
  ) {
    this.#entries = entries;
    this.#report = report;
    this.#former = former;
    this.#scratch = new Map(layouts.map((layout) => [layout, emptyRun(layout, TILES_PER_BLOCK)]));
    const tiers = layouts.flatMap((layout) => layout.view.hopsMs.map((hopMs) => ({ layout, hopMs })));
    const names = tiers.map(({ layout, hopMs }) => tierName(layout.viewId, hopMs));
    const numbers = numberNames(entries, names);
    for (const layout of layouts)
      this.#tiers.set(
        layout,
        new Map(tiers.flatMap((tier, i) => (tier.layout === layout ? [[tier.hopMs, numbers[i]] as const] : []))),
      );
  }

  /** Whether a tile was applied. */
  write(layout: TileLayout, hopMs: number, record: Uint8Array, block: number, tiles: TileRun): boolean {
    const run = this.#scratch.get(layout) ?? emptyRun(layout, TILES_PER_BLOCK);
    run.length = 0;
    const key = blockKey(record, this.#tierOf(layout, hopMs), block);
    const sum = sumOf(key);
    const held = this.#entries.get(key, sum) ?? this.#formerBlock(layout, hopMs, record, block);
    if (held !== undefined) decodeBlock(layout, hopMs, held, run);
    let applied = 0;
    for (let i = 0; i < tiles.length; i += 1) {
      const outcome = upsertTile(layout, run, tiles, i);
      this.#report[outcome] += 1;
      if (outcome === 'applied') applied += 1;
    }
    if (applied === 0) return false;
    this.#entries.put(key, encodeBlock(layout, hopMs, run), sum);
    if (this.#former) this.#entries.remove(formerBlockKey(layout.viewId, record, hopMs, block));
    return true;
  }

  /** Appends a block of a key that the store does not have; whether it was in its order. */
  append(
    to: AppendedKeys,
    layout: TileLayout,
    hopMs: number,
    record: Uint8Array,
    block: number,
    tiles: TileRun,
  ): boolean {
    if (!ascends(layout, tiles)) {
      to.leave();
      return false;
    }
    const content = encodeBlock(layout, hopMs, tiles);
    if (!to.addBlock(blockKey(record, this.#tierOf(layout, hopMs), block), content)) return false;
    this.#report.applied += tiles.length;
    return true;
  }

  #formerBlock(layout: TileLayout, hopMs: number, record: Uint8Array, block: number): Uint8Array | undefined {
    if (!this.#former) return undefined;
    return this.#entries.get(formerBlockKey(layout.viewId, record, hopMs, block));
  }

  #tierOf(layout: TileLayout, hopMs: number): number {
    const tier = this.#tiers.get(layout)?.get(hopMs);
    if (tier === undefined) throw new RangeError(`${layout.viewId} has no hop of ${hopMs} ms`);
    return tier;
  }
}

/** Whether each tile starts after the one before it. */
function ascends({ numbers }: TileLayout, { nums, length }: TileRun): boolean {
  for (let i = 1; i < length; i += 1) if (nums[i * numbers + START] <= nums[(i - 1) * numbers + START]) return false;
  return true;
}
