import { START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { storesWindows, WindowsWriter } from '../../features/window/stored-windows.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { TileReport, TileWrite } from '../../ports/online-store.ts';
import { listOf, type RedisLink } from './redis-link.ts';
import type { RecordPlace, StoreKeys } from './store-keys.ts';
import { blockName, blockOf, encodeBlock, TILES_PER_BLOCK } from './tile-block.ts';
import { upsertTiles } from './upsert-script.ts';

/** Records whose tiles are on their way at once: one limit of time is over all of them. */
export const CHUNK = 200;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * The lifetime of tiles beyond their windows, at most. Expiry uses the server's clock from the last write; windows use the clock of
 * the log, which may pause. Keys of a view with a `ttl` are forgotten: their lifetime is that, from a day on.
 */
const SLACK_MS = 7 * DAY_MS;

/** A call of the script that writes the tiles of a record, all but the stamp. */
export interface RecordWrite {
  readonly record: RecordPlace;
  readonly keys: readonly WrittenKey[];
  readonly args: readonly (string | Buffer)[];
}

/** A key of a view in it. */
export interface WrittenKey {
  readonly layout: TileLayout;
  readonly key: string;
  readonly id: string;
}

/** How the tiles of a key are written. */
export interface WriteUse {
  /** As of when windows are kept where all tiles of a key are known, and the clock by which blocks are out of the reach of any window. */
  readonly now: number | undefined;
  readonly keepsWindows?: boolean;
  /** Arguments that precede those of a key. */
  readonly lead?: (layout: TileLayout, key: string) => readonly (string | Buffer)[];
}

type KeyTiles = [TileWrite, ...TileWrite[]];

interface Built {
  readonly record: RecordPlace;
  readonly keys: WrittenKey[];
  readonly args: (string | Buffer)[];
}

/** Makes the calls of the script that writes the tiles of records. */
export class KeyWrites {
  readonly #keys: StoreKeys;
  readonly #windows = new WeakMap<TileLayout, WindowsWriter | null>();

  constructor(keys: StoreKeys) {
    this.#keys = keys;
  }

  /** A call for each record. */
  of(tiles: readonly TileWrite[], use: WriteUse): readonly RecordWrite[] {
    const records = new Map<string, Built>();
    for (const group of groupByKey(tiles)) {
      const [{ layout, key }] = group;
      const { record, id } = this.#keys.of(layout, key);
      const known = records.get(record[0].key);
      const built = known ?? { record, keys: [], args: [] };
      if (known === undefined) records.set(record[0].key, built);
      built.keys.push({ layout, key, id });
      if (use.lead !== undefined) built.args.push(...use.lead(layout, key));
      this.#encode(built.args, id, group, use);
    }
    return [...records.values()];
  }

  /** Writes the windows of a view; null where they are not stored. */
  windowsOf(layout: TileLayout): WindowsWriter | null {
    const known = this.#windows.get(layout);
    if (known !== undefined) return known;
    const made = storesWindows(layout) ? new WindowsWriter(layout) : null;
    this.#windows.set(layout, made);
    return made;
  }

  /** The tiles of one key as the script takes them. */
  #encode(args: (string | Buffer)[], id: string, group: KeyTiles, { now, keepsWindows = true }: WriteUse): void {
    const [{ layout, all }] = group;
    const hops = layout.view.hopsMs;
    const writer = keepsWindows && all !== undefined ? this.windowsOf(layout) : null;
    const windows = all === undefined || now === undefined ? null : (writer?.write(all, now) ?? null);
    args.push(id, lifeOf(layout), windows === null ? '' : Buffer.from(windows), oldestBlocks(layout, now));
    const count = args.push('0') - 1;
    let blocks = 0;
    for (let i = 0; i < group.length; blocks += 1) {
      const { hopMs } = group[i];
      const block = blockOf(startOf(group[i]), hopMs);
      let end = i + 1;
      while (end < group.length && group[end].hopMs === hopMs && blockOf(startOf(group[end]), hopMs) === block)
        end += 1;
      args.push(blockName(hops.indexOf(hopMs), block), encodeBlock(group.slice(i, end)));
      i = end;
    }
    args[count] = String(blocks);
  }
}

/** Writes tiles under a stamp, some records at once; `after` is called with each changed key, and may run concurrently. */
export async function writeKeys(
  link: RedisLink,
  calls: readonly RecordWrite[],
  stamp: Buffer,
  after?: (record: RecordPlace, key: WrittenKey) => Promise<unknown>,
): Promise<TileReport> {
  const report = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  for (let i = 0; i < calls.length; i += CHUNK) {
    const writes = calls.slice(i, i + CHUNK).map(async ({ record, keys, args }) => {
      const answer = listOf(await link.eval(upsertTiles, record, [stamp, ...args])).map(Number);
      if (after !== undefined) await Promise.all(answer.slice(4).map((key) => after(record, keys[key - 1])));
      return answer;
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

/** Hours that the tiles of a key are kept after they were last written; 0: for ever. */
function lifeOf({ view }: TileLayout): string {
  const longest = Math.max(...view.hopsMs.map((hopMs) => hopMs + tileHorizonMs(view, hopMs)));
  return Number.isFinite(longest) ? String(Math.ceil((longest + slackOf(view.ttlMs)) / HOUR_MS)) : '0';
}

function slackOf(ttlMs: number | null): number {
  return ttlMs === null ? SLACK_MS : Math.min(SLACK_MS, Math.max(DAY_MS, ttlMs));
}

/** By hop, the oldest block that a window may reach, with the same lifetime beyond it; `-`: any may be reached. */
function oldestBlocks({ view }: TileLayout, now: number | undefined): string {
  return view.hopsMs
    .map((hopMs) => {
      const from = (now ?? Number.NEGATIVE_INFINITY) - tileHorizonMs(view, hopMs) - slackOf(view.ttlMs) - hopMs;
      return Number.isFinite(from) ? String(Math.floor(from / (hopMs * TILES_PER_BLOCK))) : '-';
    })
    .join(' ');
}

function startOf({ layout, run, index }: TileWrite): number {
  return run.nums[index * layout.numbers + START];
}

/** Tiles by (view, key), each group in order of hop and start. */
function groupByKey(tiles: readonly TileWrite[]): readonly KeyTiles[] {
  const views = new Map<TileLayout, Map<string, KeyTiles>>();
  for (const tile of tiles) {
    const keys = views.get(tile.layout) ?? new Map<string, KeyTiles>();
    views.set(tile.layout, keys);
    const group = keys.get(tile.key);
    if (group === undefined) keys.set(tile.key, [tile]);
    else group.push(tile);
  }
  const groups = [...views.values()].flatMap((keys) => [...keys.values()]);
  for (const group of groups) if (group.length > 1) group.sort((a, b) => a.hopMs - b.hopMs || startOf(a) - startOf(b));
  return groups;
}
