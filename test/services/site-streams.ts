import fc from 'fast-check';
import { expect } from 'vitest';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import type { LoggedDelivery } from '../sql/duckdb.ts';
import { source as changes, lives } from '../sql/row-lives.ts';
import { stream } from '../sql/streams.ts';
import { engineTables, type Tables } from '../sql/tables-of.ts';
import type { EngineSite } from './engine-site.ts';
import { until } from './until.ts';

export const windows = [
  { name: 'short', windowMs: 300_000, hopMs: 1_000 },
  { name: 'long', windowMs: 20 * 86_400_000, hopMs: 1_209_600_000 },
];

/** Several random streams one after the other, with ids and keys of their own. */
export function streams(count: number, seed: number): readonly LoggedDelivery[] {
  return fc.sample(stream, { numRuns: count, seed }).flatMap((deliveries, i) =>
    deliveries.map((delivery): LoggedDelivery => {
      const [id, ts, tenant, ...rest] = delivery.row;
      const name = `${i}-${String(id)}`;
      const row = [name, ts, tenant === null ? null : `${i}:${String(tenant)}`, ...rest];
      return { ...delivery, id: name, row };
    }),
  );
}

/** The tiles that the engine of the process makes. */
export function expected(views: readonly StreamViewData[], deliveries: readonly LoggedDelivery[]): Tables {
  return Object.assign({}, ...views.map((view) => engineTables(view, deliveries)));
}

/** Waits until a site's tiles are these. */
export async function equal(site: EngineSite, tables: Tables): Promise<void> {
  await until(async () => {
    expect(site.tables()).toEqual(tables);
    return true;
  });
}

/** The changes of many tables one after the other, their rows and keys of their own. */
export function tables(count: number, seed: number): readonly LoggedDelivery[] {
  const [KEY, ROW] = ['key', 'row'].map((name) => Object.keys(changes.columns).indexOf(name));
  return fc.sample(lives, { numRuns: count, seed }).flatMap((deliveries, i) =>
    deliveries.map((delivery): LoggedDelivery => {
      const id = `${i}-${delivery.id}`;
      const named = new Map<number, string>([
        [0, id],
        [KEY, `${i}:${String(delivery.row[KEY])}`],
        [ROW, `${i}:${String(delivery.row[ROW])}`],
      ]);
      return { ...delivery, id, row: delivery.row.map((value, c) => named.get(c) ?? value) };
    }),
  );
}
