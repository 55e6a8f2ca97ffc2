import { type TileLayout, tileLayout } from '../../features/tile/tile-layout.ts';
import { WindowsWriter } from '../../features/window/stored-windows.ts';
import type { OnlineStore, TileWrite } from '../../ports/online-store.ts';
import { mustEqual } from './contract.ts';
import { contractView, tileOf } from './contract-tiles.ts';

const HOP_MS = 60_000;

/** The stored windows of a key; null: absent. */
export type ReadWindows = (layout: TileLayout, key: string) => Promise<Uint8Array | null>;

/** The stored windows of a key are those of its stored tiles, or are absent: of every store that stores them. */
export async function mustStoreWindows(store: OnlineStore, readWindows: ReadWindows): Promise<void> {
  const layout = windowedLayout();
  const writer = new WindowsWriter(layout);
  const now = 3 * HOP_MS;
  const read = async () => hexOf(await readWindows(layout, 'u'));
  const write = (...tiles: readonly TileWrite[]) =>
    store.writeTiles({ writer: 'w', position: { t: [2] }, tiles, freshUntil: now });
  const expected = (tile: TileWrite) => hexOf(writer.write([tile.run], now));
  const knowingAll = (tile: TileWrite): TileWrite => ({ ...tile, all: [tile.run] });
  const tile = (n: number, start = 0) => tileOf(layout, HOP_MS, 'u', start, n);
  mustEqual(await read(), null, 'of a key without tiles');
  await write(knowingAll(tile(2)));
  mustEqual(await read(), expected(tile(2)), 'with all tiles');
  await write(knowingAll(tile(2)));
  mustEqual(await read(), expected(tile(2)), 'with the same again');
  await write(tile(3));
  mustEqual(await read(), null, 'with a tile alone');
  await write(knowingAll(tile(4)));
  mustEqual(await read(), expected(tile(4)), 'with all tiles again');
  await write(knowingAll(tile(3)));
  mustEqual(await read(), expected(tile(4)), 'when an older one was refused');
  await write(knowingAll(tile(1)), knowingAll(tile(1, HOP_MS)));
  mustEqual(await read(), null, 'when an older one was refused and a new one was not');
  await write(knowingAll(tile(5)));
  mustEqual(await read(), expected(tile(5)), 'with all tiles once more');
  await store.dropKey?.([layout], [], 'u');
  mustEqual(await read(), null, 'when the key is dropped');
  await write(knowingAll(tile(6)));
  await store.dropTiles([{ layout, horizons: [{ hopMs: HOP_MS, endedBefore: 2 * HOP_MS }] }]);
  mustEqual((await store.readTiles([{ ...allOf(layout), key: 'u' }]))[0]?.length, 0, 'tiles that no window reaches');
  await write(knowingAll(tile(7, 4 * HOP_MS)));
  await store.dropView(layout.viewId);
  mustEqual(await read(), null, 'when the view is dropped');
}

function allOf(layout: TileLayout) {
  return { layout, hopMs: HOP_MS, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
}

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

/** The layout of a view whose windows are stored. */
export function windowedLayout(): TileLayout {
  const view = contractView('windowed');
  const [spent] = view.aggregates;
  const features = [10, 60].map((hops, i) => ({
    name: `spent_${i}`,
    aggregate: 0,
    windowMs: hops * HOP_MS,
    hopMs: HOP_MS,
    type: { type: 'int64' as const, nullable: true },
  }));
  return tileLayout({ ...view, aggregates: spent === undefined ? [] : [spent], features, hopsMs: [HOP_MS] });
}
