import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../../features/tile/tile-run.ts';
import { upsertTile } from '../../../features/tile/upsert.ts';
import { storesWindows } from '../../../features/window/stored-windows.ts';
import type { TileReport } from '../../../ports/online-store.ts';
import type { Position } from '../../../ports/position.ts';
import { type CommitChunk, readChunk, type TakesChunk } from './commit-buffer.ts';
import { WINDOWS } from './entity-records.ts';
import type { Entries } from './entries.ts';
import { sumOf } from './entry-sum.ts';
import { hasFormerWindows } from './former-windows.ts';
import { Changes } from './news.ts';
import { RecordWrites } from './record-writes.ts';
import { BLOCK_PLACE_BYTES, formerWindowsOf, positionKey } from './store-keys.ts';
import { decodeBlock, encodeBlock, TILES_PER_BLOCK } from './tile-block.ts';
import { numberViews } from './view-numbers.ts';

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
  const scratch = new Map(layouts.map((layout) => [layout, emptyRun(layout, TILES_PER_BLOCK)]));
  const changes = new Changes();
  let [refused, applied] = [0, 0];
  const numbers = new Map<TileLayout, number>();
  let former = false;
  const records = new RecordWrites(entries);
  const take: TakesChunk = {
    block: (layout, hopMs, key, tiles) => {
      const run = scratch.get(layout) ?? emptyRun(layout, TILES_PER_BLOCK);
      if (writeBlock(entries, layout, hopMs, key, tiles, run, report))
        changes.note(key, key.length - BLOCK_PLACE_BYTES);
    },
    windows: (layout, place, windows) => {
      const wasRefused = report.stale + report.conflict > refused;
      const wasApplied = report.applied > applied;
      refused = report.stale + report.conflict;
      applied = report.applied;
      // Where a tile was refused they are of other tiles than the stored ones.
      const written = windows === null || wasRefused ? null : windows;
      if (written === null && !wasApplied) return;
      records.add(place, { view: numbers.get(layout) ?? 0, attempt: WINDOWS, content: written });
      if (former) entries.remove(formerWindowsOf(layout.viewId, place));
    },
  };
  entries.write(() => {
    const stored = layouts.filter(storesWindows);
    const ids = stored.map(({ viewId }) => viewId);
    for (const [i, number] of numberViews(entries, ids).entries()) numbers.set(stored[i], number);
    former = hasFormerWindows(entries);
    for (const chunk of chunks) readChunk(chunk, layouts, take);
    records.write();
    changes.write(entries, freshUntil);
    entries.put(positionKey(writer), Buffer.from(JSON.stringify(position)));
  });
  return report;
}

/** Whether a tile was applied. Hot path. Sorting the blocks by their keys first costs more than LMDB gains by it (measured: a third of the whole). */
function writeBlock(
  entries: Entries,
  layout: TileLayout,
  hopMs: number,
  key: Uint8Array,
  tiles: TileRun,
  run: TileRun,
  report: Record<keyof TileReport, number>,
): boolean {
  run.length = 0;
  const sum = sumOf(key);
  const held = entries.get(key, sum);
  if (held !== undefined) decodeBlock(layout, hopMs, held, run);
  let applied = 0;
  for (let i = 0; i < tiles.length; i += 1) {
    const outcome = upsertTile(layout, run, tiles, i);
    report[outcome] += 1;
    if (outcome === 'applied') applied += 1;
  }
  if (applied > 0) entries.put(key, encodeBlock(layout, hopMs, run), sum);
  return applied > 0;
}
