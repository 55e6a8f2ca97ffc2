// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { COUNT } from '../../src/features/tile/tile-layout.ts';
import type { OfflineStore } from '../../src/ports/offline-store.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { engineOf } from '../tiles/golden-view.ts';
import { hasSharedData, whySkipped } from '../tiles/shared-data.ts';
import { FlinkSite } from './flink-site.ts';
import { flights, ofShared, own, type ParityDefinition } from './parity-definitions.ts';
import { noteSum } from './parity-sums.ts';
import { checksumOf, tileLines } from './tile-lines.ts';
import { tilesOf } from './tiles-by-engines.ts';
import { until } from './until.ts';

const PARTITIONS = 2;

const directory = mkdtempSync(join(tmpdir(), 'flink-parity-'));
let offline: OfflineStore;
beforeAll(async () => {
  offline = await openOfflineStore({ path: directory, access: 'write', clock: Date.now });
});
afterAll(async () => {
  await offline.close();
  rmSync(directory, { recursive: true, force: true });
});

let site: FlinkSite | null = null;
afterEach(async () => {
  await site?.end();
  site = null;
});

/** Sends all deliveries through Kafka and waits until Flink has written tiles of as many events as the engine in process has. */
async function compared({ name, view, deliveries }: ParityDefinition): Promise<void> {
  const opened = new FlinkSite([view]);
  site = opened;
  await opened.open(PARTITIONS);
  const inProcess = engineOf(view);
  for await (const batch of deliveries(offline)) {
    for (const delivery of batch) inProcess.engine.apply(delivery, delivery.partition);
    await opened.send(batch);
  }
  const events = eventsIn(tilesOf(view, inProcess));
  await until(async () => eventsIn(opened.tiles(view)) >= events, 1_200_000);
  const expected = tileLines(tilesOf(view, inProcess));
  const lines = tileLines(opened.tiles(view));
  // A hundred thousand lines are no message.
  expect(lines.filter((line, i) => line !== expected[i]).slice(0, 3)).toEqual([]);
  expect(lines.length).toBe(expected.length);
  noteSum('Flink', name, { tiles: lines.length, sum: checksumOf(lines) });
}

/** Of all tiles together: no tile has more than all of its events, so none is missing where the sums are equal. */
function eventsIn(tiles: Iterable<TileWrite>): number {
  let events = 0;
  for (const { layout, run, index } of tiles) events += run.nums[index * layout.numbers + COUNT];
  return events;
}

// The flights are sent by flink-faults.test.ts.
const ours = own.filter((one) => one !== flights);

test.each(ours)('Flink gives the tiles of $name that the engine in process does', compared);

test.skipIf(!hasSharedData).each(ofShared(resolve('../shared/data/features')))(
  `Flink gives the tiles of $name that the engine in process does${whySkipped}`,
  compared,
);
