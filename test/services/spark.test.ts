import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { viewOf } from '../sql/declare.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { everyAggregate, source, stream } from '../sql/streams.ts';
import { engineOf } from '../tiles/golden-view.ts';
import { SparkSite } from './spark-site.ts';
import { tileLines } from './tile-lines.ts';

let site: SparkSite;
beforeAll(async () => {
  site = await SparkSite.open();
}, 120_000);
afterAll(() => site.end(), 60_000);

const windows = [
  { name: 'short', windowMs: 300_000, hopMs: 1_000 },
  { name: 'long', windowMs: 20 * 86_400_000, hopMs: 1_209_600_000 },
];

/** Several random streams one after the other, with ids and keys of their own. */
function streams(count: number, seed: number): readonly LoggedDelivery[] {
  return fc.sample(stream, { numRuns: count, seed }).flatMap((deliveries, i) =>
    deliveries.map((delivery): LoggedDelivery => {
      const [id, ts, tenant, ...rest] = delivery.row;
      const name = `${i}-${String(id)}`;
      const row = [name, ts, tenant === null ? null : `${i}:${String(tenant)}`, ...rest];
      return { ...delivery, id: name, row, offset: i * 1_000 + delivery.offset };
    }),
  );
}

/** The tiles of the engine in this process. */
function* inProcess(view: StreamViewData, deliveries: readonly LoggedDelivery[]): Generator<TileWrite> {
  const { engine, keys } = engineOf(view);
  for (const delivery of deliveries) engine.apply(delivery, delivery.partition);
  const layout = tileLayout(view);
  for (const [key, { runs }] of keys)
    for (const [hop, run] of runs.entries())
      for (let index = 0; index < run.length; index += 1) yield { layout, hopMs: view.hopsMs[hop], key, run, index };
}

test('tiles and parts of every aggregate over every type are those of the engine in process and of DuckDB', {
  timeout: 240_000,
}, async () => {
  const view = viewOf(source, { k1: 'tenant', k2: 'user' }, everyAggregate, windows);
  const deliveries = streams(150, 7);
  await site.publish(source, deliveries);
  const expected = tileLines(inProcess(view, deliveries));
  expect(expected.length).toBeGreaterThan(500);
  expect(tileLines(await site.tiles(view, null))).toEqual(expected);
  expect(tileLines(await site.tiles(view))).toEqual(expected);
});
