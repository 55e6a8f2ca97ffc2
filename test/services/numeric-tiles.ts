import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { COUNT, MAX_TS, type TileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, tileAt } from '../../src/features/tile/tile-run.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import type { Columns } from '../../src/schema/column.ts';

const MINUTE = 60_000;

/** A view with this many sums of whole numbers, each over windows of this many minutes. */
export function numericView(sums: number, windows: readonly number[] = []): StreamViewData {
  const columns: Columns = {
    id: { type: 'text', nullable: false },
    at: { type: 'time', nullable: false },
    user: { type: 'text', nullable: true },
    price: { type: 'int', nullable: true },
  };
  return {
    kind: 'streamView',
    name: 'spend_by_user',
    version: 1,
    source: {
      kind: 'eventSource',
      name: 'purchases',
      version: 1,
      id: 'id',
      time: 'at',
      columns,
      latenessMs: 60 * MINUTE,
      futureSkewMs: MINUTE,
    },
    entity: { kind: 'entity', name: 'user', key: { user: { type: 'text', nullable: false } } },
    key: { user: 'user' },
    aggregates: Array.from({ length: sums }, (_, i) => ({
      name: `spent_${i}`,
      kind: 'sum' as const,
      input: { kind: 'column' as const, name: 'price' },
      inputType: columns['price'],
      params: {},
    })),
    features: windows.flatMap((minutes) =>
      Array.from({ length: sums }, (_, i) => ({
        name: `spent_${i}_${minutes}m`,
        aggregate: i,
        windowMs: minutes * MINUTE,
        hopMs: MINUTE,
        type: { type: 'int' as const, nullable: true },
      })),
    ),
    hopsMs: [MINUTE],
    freshnessMs: 1_000,
    ttlMs: null,
  };
}

/** Tiles of a key that follow each other in our days, a few events in each. */
export function tilesOf(layout: TileLayout, hopMs: number, key: string, count: number): readonly TileWrite[] {
  const run = emptyRun(layout, count);
  const first = Math.floor(1_760_000_000_000 / hopMs) * hopMs;
  for (let i = 0; i < count; i += 1) {
    const start = first + i * hopMs;
    const index = tileAt(run, layout, start, 0);
    run.nums[index * layout.numbers + COUNT] = 3;
    run.nums[index * layout.numbers + MAX_TS] = start + 12_345;
    layout.partials.forEach(({ aggregate, num, obj }, p) => {
      aggregate.update(
        run,
        index * layout.numbers + num,
        index * layout.objects + obj,
        1_000 + 137 * i + p,
        start,
        'a',
      );
    });
  }
  return Array.from({ length: count }, (_, index) => ({ layout, hopMs, key, run, index }));
}
