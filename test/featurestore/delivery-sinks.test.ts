import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { FeatureStore } from '../../src/featurestore/feature-store.ts';
import type { DeliverySink, JudgedDeliveries } from '../../src/ports/delivery-sink.ts';
import { MemoryEventLog } from '../memory/event-log.ts';
import { MemoryOnlineStore } from '../memory/online-store.ts';
import { project, START, service, visits } from './visits-site.ts';

/** Keeps what it receives, by partition and offset; fails after that if it is asked to. */
class Keeper implements DeliverySink {
  readonly takesAgain = false;
  readonly name: string;
  readonly kept = new Map<string, string>();
  isFailing = false;
  readonly #calls: string[];

  constructor(name: string, calls: string[]) {
    this.name = name;
    this.#calls = calls;
  }

  take({ partition, offset, deliveries, verdicts }: JudgedDeliveries): void {
    this.#calls.push(this.name);
    deliveries.forEach(({ id }, i) => {
      const place = `${partition}/${offset + i}`;
      expect(this.kept.has(place)).toBe(false);
      this.kept.set(place, `${id} ${verdicts[i]}`);
    });
    if (this.isFailing) throw new Error(`${this.name} failed`);
  }
}

test('every sink receives each delivery once with its verdict, in the order of the list, also if one before it fails', async () => {
  const path = mkdtempSync(`${tmpdir()}/headrace-sinks-`);
  const offline = await openOfflineStore({ path, access: 'write', clock: () => START });
  onTestFinished(async () => {
    await offline.close();
    rmSync(path, { recursive: true });
  });
  const calls: string[] = [];
  const [first, second] = [new Keeper('first', calls), new Keeper('second', calls)];
  const store = await FeatureStore.open({
    project,
    log: new MemoryEventLog(),
    online: new MemoryOnlineStore(),
    offline,
    sinks: [first, second],
    partitions: 1,
    memoryBytes: 1_000 * 2_000,
    sampleRate: 0,
    retention: { logAgeMs: 1e12, logBytes: 1e12, historyBytes: 1e12 },
    clock: () => START,
    onComputeError: () => undefined,
  });
  const visit = (id: string, at = START - 1_000) => ({ id, at, user: 'ann' });

  await store.ingest(visits, [visit('a'), visit('a'), visit('b')]);
  first.isFailing = true;
  expect(() => store.ingest(visits, [visit('c'), visit('a')])).toThrow('first failed');
  first.isFailing = false;
  await store.ingest(visits, [visit('d')]);

  const expected = ['a accepted', 'a duplicate', 'b accepted', 'c accepted', 'a duplicate', 'd accepted'];
  expect([...first.kept.values()]).toEqual(expected);
  expect([...second.kept.values()]).toEqual(expected);
  expect(calls).toEqual(['first', 'second', 'first', 'second', 'first', 'second']);
  expect((await store.vector(service, { user: 'ann' })).features).toEqual({ by_visits_1h: 4 });
  await store.close();
  const rows: unknown[] = [];
  for await (const batch of offline.query(`SELECT id, _verdict FROM ${store.deliveries(visits)} ORDER BY _offset`))
    rows.push(...batch.map((row) => row.join(' ')));
  expect(rows).toEqual(expected);
});
