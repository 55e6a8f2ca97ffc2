import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { randomBelow, seededRandom } from '../../src/base/rng.ts';
import type { AggregateSpec, StreamViewData } from '../../src/features/define/declaration.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { pointInTimeRows } from '../../src/featurestore/training-set/point-in-time.ts';
import { viewService } from '../../src/featurestore/view-service.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import { newFit } from '../../src/schedule/fitting-slices.ts';
import type { Value } from '../../src/schema/column.ts';
import { entityKeyEncoder } from '../../src/schema/entity-key.ts';
import { naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { viewOf } from '../sql/declare.ts';
import { source } from '../sql/streams.ts';

const MINUTE = 60_000;
const KEYS = 3;
const SPAN_MS = 60 * MINUTE;

export interface BusyKeys {
  readonly events: number;
  readonly memoryLimitBytes: number;
}

/** A source with as many events of three keys as asked for, in an offline store of little memory. */
export async function busyStore({ events, memoryLimitBytes }: BusyKeys) {
  const path = mkdtempSync(join(tmpdir(), 'headrace-busy-'));
  const offline = await openOfflineStore({ path, access: 'write', clock: () => 0, memoryLimitBytes });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true, force: true });
  });
  const deliveries = busyDeliveries(events);
  const table = rawTable(source);
  const rows = deliveries.map(({ row, ingestTs }, i) => [...row, ingestTs, 0, i, 'accepted']);
  const columns = Object.keys(table.columns).map((_, c) => rows.map((row) => row[c]));
  const tables = [{ table, rows: rows.length, columns }];
  await offline.publish({ writer: 'test', position: { log: [rows.length] }, mode: 'append', tables });
  return { offline, deliveries };
}

/** Few keys, and values of very different frequency; some events arrive late. */
function busyDeliveries(events: number): readonly Delivery[] {
  const random = seededRandom(11);
  return Array.from({ length: events }, (_, i): Delivery => {
    const ts = Math.floor((i * SPAN_MS) / events);
    const value = randomBelow(random, 1 + randomBelow(random, 2_000));
    const numbers = [value, BigInt(value) * 7n, BigInt(value) - 500n, value / 8];
    const cells = [`t${randomBelow(random, KEYS)}`, 'u', ...numbers, value % 2 === 0, `v${value}`, [value, 0.5, -1]];
    const row: readonly Value[] = [`e${i}`, ts, ...cells];
    return { id: `e${i}`, ts, ingestTs: ts + randomBelow(random, MINUTE), row };
  });
}

/** A view of some aggregates over a window of ten minutes and one without a beginning. */
export function busyView(aggregates: readonly AggregateSpec[]): StreamViewData {
  return viewOf(source, { tenant: 'tenant', user: 'user' }, aggregates, [
    { name: 'short', windowMs: 10 * MINUTE, hopMs: MINUTE / 2 },
    { name: 'ever', windowMs: null, hopMs: MINUTE },
  ]);
}

/** A training set with a row at the instant of each event: all rows, no join that did not fit, and a sample equal to a scan. */
export async function trainsWithoutCuts(
  { offline, deliveries }: { readonly offline: OfflineStore; readonly deliveries: readonly Delivery[] },
  view: StreamViewData,
  mode: 'corrected' | 'as-known',
  compared: number,
): Promise<void> {
  const fit = newFit();
  const every = Math.ceil(deliveries.length / compared);
  let rows = 0;
  const found = pointInTimeRows({
    service: viewService(view),
    offline,
    spine: `SELECT id AS _id, "at" AS _at, tenant, "user" FROM ${offline.relation(rawTable(source))}`,
    mode,
    counts: false,
    fit,
    onComputeError: () => undefined,
  });
  for await (const batch of found) {
    rows += batch.length;
    for (const { id, at, values } of batch) {
      if (Number(id.slice(1)) % every !== 0) continue;
      const [tenant, user, ...answers] = values;
      const key = entityKeyEncoder(view.entity.key)([tenant, user]) ?? '';
      const wanted = naiveAnswers(view, deliveries, key, at, mode === 'as-known' ? at : undefined);
      expect(answers, `${id} of ${key}`).toEqual(wanted.map((value) => value ?? null));
    }
  }
  expect([rows, fit.cuts]).toEqual([deliveries.length, 0]);
}
