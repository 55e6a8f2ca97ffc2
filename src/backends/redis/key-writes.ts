import { START, type TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { storesWindows, WindowsWriter } from '../../features/window/stored-windows.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { TileReport, TileWrite } from '../../ports/online-store.ts';
import { listOf, type RedisLink } from './redis-link.ts';
import { upsertTiles } from './scripts.ts';
import type { Place, StoreKeys } from './store-keys.ts';
import { blockField, blockOf, encodeBlock } from './tile-block.ts';

/** Keys whose tiles are on their way at once. */
export const CHUNK = 500;

/**
 * The lifetime of tiles beyond their windows. Expiry uses the server's clock from the last write; windows use the clock of
 * the log, which may pause.
 */
const SLACK_MS = 7 * 86_400_000;

/** A call of the script that writes the tiles of a key, all but the stamp. */
export interface KeyWrite {
  readonly layout: TileLayout;
  /** The hash of its tiles, and its stored windows. */
  readonly places: readonly [Place, ...Place[]];
  readonly args: readonly (string | Buffer)[];
}

/** Makes the calls of the script that writes the tiles of a key. */
export class KeyWrites {
  readonly #keys: StoreKeys;
  readonly #fieldsExpire: boolean;
  readonly #windows = new WeakMap<TileLayout, WindowsWriter | null>();

  constructor(keys: StoreKeys, fieldsExpire: boolean) {
    this.#keys = keys;
    this.#fieldsExpire = fieldsExpire;
  }

  /** A call for each key; `now`: as of when windows are kept where all tiles of a key are known. */
  of(tiles: readonly TileWrite[], now: number | undefined): readonly KeyWrite[] {
    return groupByKey(tiles).map((group) => this.#encode(group, now));
  }

  /** Writes the windows of a view; null where they are not stored. */
  windowsOf(layout: TileLayout): WindowsWriter | null {
    const known = this.#windows.get(layout);
    if (known !== undefined) return known;
    const made = storesWindows(layout) ? new WindowsWriter(layout) : null;
    this.#windows.set(layout, made);
    return made;
  }

  /** The tiles of one key as the script takes them, all but the stamp. */
  #encode(group: readonly [TileWrite, ...TileWrite[]], now: number | undefined): KeyWrite {
    const [{ layout, key, all }] = group;
    const hops = layout.view.hopsMs;
    const lives = livesOf(layout);
    const writer = this.windowsOf(layout);
    const windows = all === undefined || now === undefined ? null : (writer?.write(all, now) ?? null);
    const args: (string | Buffer)[] = [
      longestOf(lives),
      this.#fieldsExpire ? '1' : '0',
      windows === null ? '' : Buffer.from(windows),
    ];
    for (let i = 0; i < group.length; ) {
      const { hopMs } = group[i];
      const block = blockOf(startOf(group[i]), hopMs);
      let end = i + 1;
      while (end < group.length && group[end].hopMs === hopMs && blockOf(startOf(group[end]), hopMs) === block)
        end += 1;
      const hop = hops.indexOf(hopMs);
      args.push(blockField(hop, block), msText(lives[hop]), encodeBlock(group.slice(i, end)));
      i = end;
    }
    const tiles = this.#keys.tiles(layout.viewId, key);
    return { layout, places: writer === null ? [tiles] : [tiles, this.#keys.windows(layout.viewId, key)], args };
  }
}

/** Writes tiles under a stamp, some keys at once; `after` is called with each changed key, and may run concurrently. */
export async function writeKeys(
  link: RedisLink,
  calls: readonly KeyWrite[],
  stamp: Buffer,
  after?: (write: KeyWrite) => Promise<unknown>,
): Promise<TileReport> {
  const report = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  for (let i = 0; i < calls.length; i += CHUNK) {
    const writes = calls.slice(i, i + CHUNK).map(async (call) => {
      const counts = listOf(await link.eval(upsertTiles, call.places, [stamp, ...call.args])).map(Number);
      if (counts[0] > 0) await after?.(call);
      return counts;
    });
    for (const counts of await link.within(Promise.all(writes))) {
      report.applied += counts[0];
      report.duplicate += counts[1];
      report.stale += counts[2];
      report.conflict += counts[3];
    }
  }
  return report;
}

/** How long a key is kept after it was last written, as scripts take it: ms. */
export function keyLife(layout: TileLayout): string {
  return longestOf(livesOf(layout));
}

/** By hop, how long its tiles are kept after they were last written, ms. */
function livesOf({ view }: TileLayout): readonly number[] {
  return view.hopsMs.map((hopMs) => Math.ceil(hopMs + tileHorizonMs(view, hopMs) + SLACK_MS));
}

function longestOf(lives: readonly number[]): string {
  return msText(Math.max(...lives));
}

/** 0: never. */
function msText(ms: number): string {
  return Number.isFinite(ms) ? String(ms) : '0';
}

function startOf({ layout, run, index }: TileWrite): number {
  return run.nums[index * layout.numbers + START];
}

/** Tiles by (view, key), each group in order of hop and start. */
function groupByKey(tiles: readonly TileWrite[]): readonly (readonly [TileWrite, ...TileWrite[]])[] {
  const views = new Map<TileLayout, Map<string, [TileWrite, ...TileWrite[]]>>();
  for (const tile of tiles) {
    const keys = views.get(tile.layout) ?? new Map<string, [TileWrite, ...TileWrite[]]>();
    views.set(tile.layout, keys);
    const group = keys.get(tile.key);
    if (group === undefined) keys.set(tile.key, [tile]);
    else group.push(tile);
  }
  const groups = [...views.values()].flatMap((keys) => [...keys.values()]);
  for (const group of groups) if (group.length > 1) group.sort((a, b) => a.hopMs - b.hopMs || startOf(a) - startOf(b));
  return groups;
}

/** Tiles of a hop as they are written. */
export function writesOf(layout: TileLayout, hopMs: number, run: TileRun): readonly TileWrite[] {
  return Array.from({ length: run.length }, (_, index) => ({ layout, hopMs, key: '', run, index }));
}
