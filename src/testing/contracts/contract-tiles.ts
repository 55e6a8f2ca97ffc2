import type { StreamViewData } from '../../features/define/declaration.ts';
import { COUNT, MAX_TS, type TileLayout, tileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, tileAt } from '../../features/tile/tile-run.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { Columns } from '../../schema/column.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const columns: Columns = {
  id: { type: 'text', nullable: false },
  at: { type: 'time', nullable: false },
  user: { type: 'text', nullable: true },
  price: { type: 'int64', nullable: true },
  item: { type: 'text', nullable: true },
};

/** A view with partials of numbers and of objects, at two hops. */
export function contractView(name: string, version = 1): StreamViewData {
  const input = (column: string) => ({ kind: 'column' as const, name: column });
  return {
    kind: 'streamView',
    name,
    version,
    source: {
      kind: 'eventSource',
      name: 'purchases',
      version: 1,
      id: 'id',
      time: 'at',
      columns,
      latenessMs: HOUR,
      futureSkewMs: MINUTE,
    },
    entity: { kind: 'entity', name: 'user', key: { user: { type: 'text', nullable: false } } },
    key: { user: 'user' },
    aggregates: [
      { name: 'spent', kind: 'sum', input: input('price'), inputType: columns['price'], params: {} },
      { name: 'last_item', kind: 'last', input: input('item'), inputType: columns['item'], params: {} },
      { name: 'items', kind: 'topK', input: input('item'), inputType: columns['item'], params: { k: 3, cap: 100 } },
    ],
    features: [],
    hopsMs: [MINUTE, HOUR],
    freshnessMs: 1_000,
    ttlMs: null,
  };
}

/** A tile of `n` events whose content follows from its seed. */
export function tileOf(
  layout: TileLayout,
  hopMs: number,
  key: string,
  start: number,
  n: number,
  seed = n,
  generation = 0,
): TileWrite {
  const run = emptyRun(layout);
  tileAt(run, layout, start, generation);
  run.nums[COUNT] = n;
  run.nums[MAX_TS] = start + seed;
  for (const { aggregate, num, obj } of layout.partials) {
    for (let i = 0; i < n; i += 1) {
      const value = layout.partials[0].aggregate === aggregate ? BigInt(seed) * 2n ** 40n : `item ${seed} ${i} 名`;
      aggregate.update(run, num, obj, value, start + i, `id-${i}`);
    }
  }
  return { layout, hopMs, key, run, index: 0 };
}

/** A view that contracts write tiles of. */
export const contractLayout = tileLayout(contractView('spend'));

/** A tile of `contractLayout`. */
export function contractTile(hopMs: number, key: string, start: number, n: number): TileWrite {
  return tileOf(contractLayout, hopMs, key, start, n);
}
