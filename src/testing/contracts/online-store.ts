import type { MaybePromise } from '../../base/maybe-promise.ts';
import { START, type TileLayout, tileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { equalTiles } from '../../features/tile/upsert.ts';
import type { BatchGeneration, OnlineStore, OpenCommit, TileWrite } from '../../ports/online-store.ts';
import type { Columns } from '../../schema/column.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';
import { contractView, tileOf } from './contract-tiles.ts';
import { mustStoreWindows } from './stored-windows.ts';

/** The subject: one store, empty at first. `open` after `close` opens the same store again. */
export interface OnlineStoreSubject {
  open(): MaybePromise<OnlineStore>;
}

export type OnlineStoreNeed = 'durable' | 'oneWriter' | 'openCommit' | 'storedWindows';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function startsOf(layout: TileLayout, run: TileRun): readonly number[] {
  return Array.from({ length: run.length }, (_, i) => run.nums[i * layout.numbers + START]);
}

function mustHold(layout: TileLayout, run: TileRun, tiles: readonly TileWrite[], what: string): void {
  mustEqual(
    startsOf(layout, run),
    tiles.map((tile) => tile.run.nums[START]),
    `${what}: starts`,
  );
  tiles.forEach((tile, i) => {
    if (!equalTiles(layout, run, i, tile.run, 0)) throw new Error(`${what}: tile ${i} has other content`);
  });
}

const everything = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

const awkwardKeys = [
  '',
  ' ',
  '|',
  '0',
  '00',
  'a',
  'a\u0000',
  'a\u0000b',
  '名前🙂',
  'k'.repeat(254),
  'k'.repeat(255),
  'k'.repeat(256),
  'k'.repeat(10_000),
  `${'k'.repeat(9_999)}l`,
];

/** The rules of `ports/online-store.ts`. */
export const onlineStoreContracts: readonly Contract<OnlineStoreSubject, OnlineStoreNeed>[] = [
  {
    rule: 1,
    name: 'a tile write follows the versioned upsert, and a rejected one changes nothing',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const layout = tileLayout(contractView('spend'));
      const write = async (...tiles: readonly TileWrite[]) => store.writeTiles({ writer: 'w', position: {}, tiles });
      const two = tileOf(layout, MINUTE, 'u', 0, 2);
      mustEqual(await write(two), { applied: 1, duplicate: 0, stale: 0, conflict: 0 }, 'first');
      mustEqual(await write(two), { applied: 0, duplicate: 1, stale: 0, conflict: 0 }, 'the same again');
      mustEqual(
        await write(tileOf(layout, MINUTE, 'u', 0, 2, 9)),
        { applied: 0, duplicate: 0, stale: 0, conflict: 1 },
        'equal version, other content',
      );
      mustEqual(
        await write(tileOf(layout, MINUTE, 'u', 0, 1)),
        { applied: 0, duplicate: 0, stale: 1, conflict: 0 },
        'older',
      );
      const [held] = await store.readTiles([{ layout, hopMs: MINUTE, key: 'u', ...everything }]);
      mustHold(layout, held, [two], 'after refusals');
      const next = tileOf(layout, MINUTE, 'u', 0, 1, 5, 1);
      mustEqual(
        await write(next),
        { applied: 1, duplicate: 0, stale: 0, conflict: 0 },
        'smaller n of a newer generation',
      );
      const [now] = await store.readTiles([{ layout, hopMs: MINUTE, key: 'u', ...everything }]);
      mustHold(layout, now, [next], 'the newer generation');
      await store.close();
    },
  },
  {
    rule: 2,
    name: 'tiles and position of a commit are there together when the store is opened again',
    needs: ['durable'],
    run: async (subject) => {
      const layout = tileLayout(contractView('spend'));
      const store = await subject.open();
      const tiles = [0, 1, 2].map((i) => tileOf(layout, MINUTE, `u${i}`, i * MINUTE, i + 1));
      await store.writeTiles({ writer: 'w', position: { 'purchases@1': [3, 4] }, tiles });
      await store.close();
      const again = await subject.open();
      mustEqual(await again.position('w'), { 'purchases@1': [3, 4] }, 'position');
      const runs = await again.readTiles(tiles.map(({ key }) => ({ layout, hopMs: MINUTE, key, ...everything })));
      for (const [i, run] of runs.entries()) mustHold(layout, run, [tiles[i]], `key ${i}`);
      await again.close();
    },
  },
  {
    rule: 3,
    name: 'a read returns the tiles of its span ascending, and later writes do not change it',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const layout = tileLayout(contractView('spend'));
      const starts = [-90, -64, -33, -32, -1, 0, 1, 31, 32, 63, 64, 500].map((i) => i * MINUTE);
      const tiles = starts.map((start, i) => tileOf(layout, MINUTE, 'u', start, i + 1));
      await store.writeTiles({ writer: 'w', position: {}, tiles: [...tiles].reverse() });
      const spans = [
        everything,
        { from: -33 * MINUTE, to: 32 * MINUTE },
        { from: 2 * MINUTE, to: 30 * MINUTE },
        { from: 64 * MINUTE, to: 64 * MINUTE + 1 },
      ];
      const runs = await store.readTiles(spans.map((span) => ({ layout, hopMs: MINUTE, key: 'u', ...span })));
      for (const [i, { from, to }] of spans.entries()) {
        mustHold(
          layout,
          runs[i],
          tiles.filter(({ run }) => run.nums[START] >= from && run.nums[START] < to),
          `span ${i}`,
        );
      }
      await store.writeTiles({
        writer: 'w',
        position: {},
        tiles: starts.map((start, i) => tileOf(layout, MINUTE, 'u', start, i + 20)),
      });
      mustHold(layout, runs[0], tiles, 'a run that was read before');
      await store.close();
    },
  },
  {
    rule: 4,
    name: 'views, versions, hops and keys never collide',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const layouts = [contractView('spend'), contractView('spend', 2), contractView('spend_1'), contractView('s')].map(
        tileLayout,
      );
      const tiles = layouts.flatMap((layout, l) =>
        [MINUTE, HOUR].flatMap((hopMs, h) =>
          awkwardKeys.map((key, k) => tileOf(layout, hopMs, key, 0, 1, 1 + l * 100 + h * 50 + k)),
        ),
      );
      await store.writeTiles({ writer: 'w', position: {}, tiles });
      const runs = await store.readTiles(
        tiles.map(({ layout, hopMs, key }) => ({ layout, hopMs, key, ...everything })),
      );
      for (const [i, run] of runs.entries())
        mustHold(
          tiles[i].layout,
          run,
          [tiles[i]],
          `${tiles[i].layout.viewId} ${tiles[i].hopMs} ${tiles[i].key.slice(0, 9)}`,
        );
      const [none] = await store.readTiles([{ layout: layouts[0], hopMs: MINUTE, key: 'unknown', ...everything }]);
      mustEqual(none.length, 0, 'tiles of an unknown key');
      await store.close();
    },
  },
  {
    rule: 5,
    name: "position is that of the writer's last commit; null before the first",
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      mustEqual(await store.position('a'), null, 'before the first');
      await store.writeTiles({ writer: 'a', position: { x: [1] }, tiles: [] });
      await store.writeTiles({ writer: 'b', position: { x: [5] }, tiles: [] });
      await store.writeTiles({ writer: 'a', position: { x: [2], y: [0, 7] }, tiles: [] });
      mustEqual(await store.position('a'), { x: [2], y: [0, 7] }, 'of a');
      mustEqual(await store.position('b'), { x: [5] }, 'of b');
      const writers = [...(await store.writers())].sort((one, other) => (one < other ? -1 : 1));
      mustEqual(writers, ['a', 'b'], 'the writers');
      await store.close();
    },
  },
  {
    rule: 5,
    name: 'positions of any names and numbers are there when the store is opened again, whatever tiles are dropped',
    needs: ['durable'],
    run: async (subject) => {
      const layout = tileLayout(contractView('spend'));
      const store = await subject.open();
      await store.writeTiles({ writer: 'w', position: { t: [1] }, tiles: [tileOf(layout, MINUTE, 'u', 0, 1)] });
      // As the log clock of the last sweep, by view.
      const clocks = { [layout.viewId]: [1_800_000_000_123], '名前 of a view@2.0': [0, -1] };
      await store.writeTiles({ writer: 'swept', position: clocks, tiles: [] });
      await store.dropTiles([{ layout, horizons: [{ hopMs: MINUTE, endedBefore: HOUR }] }]);
      await store.dropView(layout.viewId);
      await store.dropKey?.([layout], [], 'u');
      mustEqual(await store.position('swept'), clocks, 'after the drops');
      await store.close();
      const again = await subject.open();
      mustEqual(await again.position('swept'), clocks, 'opened again');
      mustEqual(await again.position('w'), { t: [1] }, 'of the other writer');
      await again.writeTiles({ writer: 'swept', position: {}, tiles: [] });
      mustEqual(await again.position('swept'), {}, 'replaced');
      await again.close();
    },
  },
  {
    rule: 6,
    name: 'a batch generation is seen whole once it is switched to, and not before',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const features: Columns = { mean: { type: 'float', nullable: true }, name: { type: 'text', nullable: true } };
      const generation = (number: number): BatchGeneration => ({
        viewId: 'history@1',
        generation: number,
        asOf: number,
        visibleFrom: number + 1,
      });
      const read = async () =>
        (
          await store.readBatch([
            { viewId: 'history@1', features, key: 'k' },
            { viewId: 'history@1', features, key: 'gone' },
          ])
        ).map((answer) => answer && { generation: answer.generation.generation, values: answer.values });
      mustEqual(await read(), [null, null], 'before the first');
      for (const number of [1, 2, 3]) {
        await store.writeBatch(generation(number), features, [
          { key: 'k', values: [number, null] },
          { key: '', values: [null, '名'] },
        ]);
        const seen =
          number === 1
            ? [null, null]
            : [
                { generation: number - 1, values: [number - 1, null] },
                { generation: number - 1, values: null },
              ];
        mustEqual(await read(), seen, `while ${number} is written`);
        await store.switchBatch(generation(number));
        mustEqual(
          await read(),
          [
            { generation: number, values: [number, null] },
            { generation: number, values: null },
          ],
          `after the switch to ${number}`,
        );
      }
      // A run that fails between its slices leaves rows that no later generation has; those of the next come in two slices.
      await store.writeBatch(generation(4), features, [{ key: 'gone', values: [4, null] }]);
      await store.writeBatch(generation(5), features, [{ key: 'k', values: [5, null] }]);
      await store.writeBatch(generation(5), features, [{ key: '', values: [5, null] }]);
      mustEqual((await read())[0], { generation: 3, values: [3, null] }, 'between slices');
      await store.switchBatch(generation(5));
      const last = [[5, null], null].map((values) => ({ generation: 5, values }));
      mustEqual(await read(), last, 'after the switch to slices');
      await store.close();
    },
  },
  {
    rule: 7,
    name: 'a second writer is rejected',
    needs: ['oneWriter'],
    run: async (subject) => {
      const store = await subject.open();
      await mustFail('STORE_LOCKED', () => subject.open(), 'opening twice');
      await store.close();
      await (await subject.open()).close();
    },
  },
  {
    rule: 8,
    name: 'dropTiles removes the tiles that end at or before the instant, of the named hops only',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const [layout, other] = [contractView('spend'), contractView('spend', 2)].map(tileLayout);
      const minutes = [-40, -1, 0, 1, 2, 33, 40].map((i) => tileOf(layout, MINUTE, 'u', i * MINUTE, 1));
      const hours = [-1, 0, 1].map((i) => tileOf(layout, HOUR, 'u', i * HOUR, 1));
      const others = [tileOf(other, MINUTE, 'u', -40 * MINUTE, 1)];
      await store.writeTiles({ writer: 'w', position: {}, tiles: [...minutes, ...hours, ...others] });
      await store.dropTiles([{ layout, horizons: [{ hopMs: MINUTE, endedBefore: 2 * MINUTE }] }]);
      const [left, leftHours] = await store.readTiles(
        [MINUTE, HOUR].map((hopMs) => ({ layout, hopMs, key: 'u', ...everything })),
      );
      mustHold(layout, left, minutes.slice(4), 'minutes');
      mustHold(layout, leftHours, hours, 'hours');
      const [leftOther] = await store.readTiles([{ layout: other, hopMs: MINUTE, key: 'u', ...everything }]);
      mustHold(other, leftOther, others, 'another version');
      await store.close();
    },
  },
  {
    rule: 9,
    name: 'dropKey removes a key from the named views, in every generation, and nothing else',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      if (store.dropKey === undefined) return store.close();
      const [layout, other] = [contractView('spend'), contractView('spend', 2)].map(tileLayout);
      const keys = ['u', 'u1', ''];
      const tiles = [layout, other].flatMap((each) =>
        keys.flatMap((key) => [
          tileOf(each, MINUTE, key, 0, 1),
          tileOf(each, MINUTE, key, 90 * MINUTE, 1),
          tileOf(each, HOUR, key, 0, 2),
        ]),
      );
      await store.writeTiles({ writer: 'w', position: { t: [3] }, tiles });
      const features: Columns = { mean: { type: 'float', nullable: true }, name: { type: 'text', nullable: true } };
      for (const generation of [1, 2]) {
        const rows = keys.map((key) => ({ key, values: [generation, null] }));
        const whole = { viewId: 'history@1', generation, asOf: generation, visibleFrom: generation };
        await store.writeBatch(whole, features, rows);
        await store.switchBatch(whole);
      }
      await store.dropKey([layout], ['history@1'], 'u');
      const held = async (of: TileLayout, key: string) => {
        const runs = await store.readTiles([MINUTE, HOUR].map((hopMs) => ({ layout: of, hopMs, key, ...everything })));
        return runs.map((run) => run.length);
      };
      const found = [];
      for (const each of [layout, other]) for (const key of keys) found.push(await held(each, key));
      mustEqual(
        found,
        [
          [0, 0],
          [2, 1],
          [2, 1],
          [2, 1],
          [2, 1],
          [2, 1],
        ],
        'tiles',
      );
      const values = async () =>
        (await store.readBatch(keys.map((key) => ({ viewId: 'history@1', features: features, key })))).map(
          (answer) => answer?.values?.[0] ?? null,
        );
      mustEqual(await values(), [null, 2, 2], 'batch rows');
      mustEqual(await store.position('w'), { t: [3] }, 'the position');
      await store.close();
    },
  },
  {
    rule: 10,
    name: 'a commit added in parts has the tiles as they were added, and is visible whole or not at all',
    needs: ['openCommit'],
    run: async (subject) => {
      const store = await subject.open();
      const layout = tileLayout(contractView('spend'));
      const tiles = Array.from({ length: 3_000 }, (_, i) => tileOf(layout, MINUTE, `u${i}`, 0, 1));
      const [first, last] = [tiles[0], tiles[tiles.length - 1]];
      await commitTo(store, []).finish({ writer: 'w', position: { t: [0] } });
      commitTo(store, tiles);
      const open = commitTo(store, tiles);
      const before = [first, last].map((tile) => tileOf(layout, MINUTE, tile.key, 0, 1));
      for (const { run } of [first, last]) run.nums.fill(7);
      const finished = open.finish({ writer: 'w', position: { t: [1] } });
      const later = tileOf(layout, MINUTE, 'u0', MINUTE, 2);
      const written = store.writeTiles({ writer: 'v', position: { t: [2] }, tiles: [later] });
      mustEqual(await finished, { applied: 3_000, duplicate: 0, stale: 0, conflict: 0 }, 'the report');
      mustEqual(
        await written,
        { applied: 1, duplicate: 0, stale: 0, conflict: 0 },
        'a write that was asked for meanwhile',
      );
      mustEqual([await store.position('w'), await store.position('v')], [{ t: [1] }, { t: [2] }], 'the positions');
      const runs = await store.readTiles(before.map(({ key }) => ({ layout, hopMs: MINUTE, key, ...everything })));
      mustHold(layout, runs[0], [before[0], later], 'the first key');
      mustHold(layout, runs[1], [before[1]], 'the last key');
      await store.close();
    },
  },
  {
    rule: 12,
    name: 'dropView removes all tiles of one view, and nothing else',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const views = [contractView('spend'), contractView('spend', 2), contractView('spend_1'), contractView('s')];
      const [gone, ...kept] = views.map(tileLayout);
      const tilesFor = (layout: TileLayout) =>
        [MINUTE, HOUR].flatMap((hopMs) => awkwardKeys.map((key) => tileOf(layout, hopMs, key, 0, 1)));
      await store.writeTiles({ writer: 'w', position: { t: [3] }, tiles: [gone, ...kept].flatMap(tilesFor) });
      const held = async (layout: TileLayout) => {
        const tiles = tilesFor(layout);
        const runs = await store.readTiles(tiles.map(({ hopMs, key }) => ({ layout, hopMs, key, ...everything })));
        return runs.reduce((sum, { length }) => sum + length, 0);
      };
      await store.dropView(gone.viewId);
      await store.dropView('unknown@1.00000000');
      mustEqual(await held(gone), 0, 'tiles of the view');
      for (const layout of kept) mustEqual(await held(layout), 2 * awkwardKeys.length, `tiles of ${layout.viewId}`);
      mustEqual(await store.position('w'), { t: [3] }, 'the position');
      const [again] = tilesFor(gone);
      await store.writeTiles({ writer: 'w', position: { t: [4] }, tiles: [again] });
      mustEqual(await held(gone), 1, 'a tile that was written afterwards');
      await store.close();
    },
  },
  {
    rule: 13,
    name: 'stored windows match the stored tiles: a write of all keeps them, a write of some deletes them',
    needs: ['storedWindows'],
    run: async (subject) => {
      const store = await subject.open();
      await mustStoreWindows(store, async (layout, key) => store.readWindows?.(layout, key) ?? null);
      await store.close();
    },
  },
];

function commitTo(store: OnlineStore, tiles: readonly TileWrite[]): OpenCommit {
  const open = store.openCommit?.();
  if (open === undefined) throw new Error('the store has no openCommit');
  open.add(tiles);
  return open;
}
