import type { MaybePromise } from '../../base/maybe-promise.ts';
import { START } from '../../features/tile/tile-layout.ts';
import type { OnlineStore, TileRead } from '../../ports/online-store.ts';
import type { RemoteStore, RequestRead } from '../../ports/remote-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';
import { contractLayout, contractTile } from './contract-tiles.ts';
import { mustStoreWindows } from './stored-windows.ts';

/** The subject: one store behind a network, empty at first, and its possible faults. */
export interface RemoteStoreSubject {
  open(): MaybePromise<OnlineStore>;
  /** Makes the last commit of the open store one that was cut short behind its tiles, ahead of its position. */
  cutShort(): Promise<void>;
  /** Loses everything that the store holds, as a flush does. */
  lose(): Promise<void>;
}

const HOP_MS = 60_000;
const everything = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** The rules of `ports/remote-store.ts`. */
export const remoteStoreContracts: readonly Contract<RemoteStoreSubject>[] = [
  {
    rule: 1,
    name: 'answers are degraded until the writer confirms, and have the instant of their freshness',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const remote = remoteOf(store);
      const tile = contractTile(HOP_MS, 'u', 0, 2);
      await store.writeTiles({ writer: 'w', position: { t: [2] }, tiles: [tile], freshUntil: 1_234 });
      const read = () => remote.read(tilesOf({ layout: contractLayout, hopMs: HOP_MS, key: 'u', ...everything }));
      const before = await read();
      mustEqual([before.degraded, before.freshUntil, before.runs[0].length], [true, 1_234, 1], 'before');
      await remote.confirm();
      mustEqual((await read()).degraded, false, 'degraded after');
      mustEqual(await remote.verify(2_345), 'whole', 'what verify says');
      mustEqual((await read()).freshUntil, 2_345, 'fresh after');
      await store.close();
    },
  },
  {
    rule: 1,
    name: 'a key that one request reads twice is returned twice, each tile once, with all requested parts',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const remote = remoteOf(store);
      const starts = [0, 1, 2, 40].map((hop) => hop * HOP_MS);
      const tiles = starts.map((start) => contractTile(HOP_MS, 'u', start, 2));
      await store.writeTiles({ writer: 'w', position: { t: [2] }, tiles });
      const read = { layout: contractLayout, hopMs: HOP_MS, key: 'u', from: 0, to: 50 * HOP_MS };
      const wanted = [starts[1], starts[3]].map((from) => ({ from, to: from + 1 }));
      const { runs } = await remote.read(tilesOf(read, read, { ...read, wanted }));
      const found = runs.map(({ nums, length }) =>
        Array.from({ length }, (_, i) => nums[i * contractLayout.numbers + START]),
      );
      mustEqual(found.slice(0, 2), [starts, starts], 'the whole read, twice');
      const few = found[2].filter((start) => wanted.some(({ from }) => from === start));
      mustEqual(few, [starts[1], starts[3]], 'what is wanted');
      await store.close();
    },
  },
  {
    rule: 2,
    name: 'an interrupted commit leaves keys that record their log position',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const both = ['u', 'v'].map((key) => contractTile(HOP_MS, key, 0, 2));
      await store.writeTiles({ writer: 'w', position: { t: [4] }, tiles: both });
      await store.writeTiles({ writer: 'w', position: { t: [5] }, tiles: [contractTile(HOP_MS, 'u', 0, 3)] });
      await subject.cutShort();
      await store.close();
      const again = await subject.open();
      mustEqual(await again.position('w'), { t: [4] }, 'position');
      const keys = ['u', 'v', 'unknown'].map((key) => ({ layout: contractLayout, key }));
      const loaded = await remoteOf(again).load('w', keys);
      mustEqual(
        loaded.map(({ covers }) => covers),
        [{ t: [5] }, null, null],
        'what keys cover',
      );
      mustEqual(
        loaded.map(({ runs }) => runs[0].length),
        [1, 1, 0],
        'tiles of keys',
      );
      await again.writeTiles({ writer: 'w', position: { t: [6] }, tiles: [contractTile(HOP_MS, 'v', 0, 3)] });
      const [u] = await remoteOf(again).load('w', keys);
      mustEqual(u.covers, null, 'what a key covers when the position is beyond it');
      await again.close();
    },
  },
  {
    rule: 3,
    name: 'a loss is noticed by verify, by commits and by readers, until the writer has rewound and confirmed',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const remote = remoteOf(store);
      const tiles = [contractTile(HOP_MS, 'u', 0, 2)];
      const commit = () => store.writeTiles({ writer: 'w', position: { t: [2] }, tiles });
      const read = () => remote.read(tilesOf({ layout: contractLayout, hopMs: HOP_MS, key: 'u', ...everything }));
      await commit();
      await remote.confirm();
      mustEqual((await read()).degraded, false, 'degraded before');
      await subject.lose();
      mustEqual((await read()).degraded, true, 'degraded after');
      await mustFail('STORE_LOST', commit, 'a commit');
      mustEqual(await remote.verify(1), 'lost', 'what verify says');
      await remote.rewind();
      mustEqual(await store.position('w'), null, 'position');
      mustEqual((await read()).degraded, true, 'degraded when rewound');
      await commit();
      await remote.confirm();
      const { degraded, runs } = await read();
      mustEqual([degraded, runs[0].length], [false, 1], 'afterwards');
      mustEqual(await store.position('w'), { t: [2] }, 'position afterwards');
      await store.close();
    },
  },
  {
    rule: 4,
    name: 'other processes receive hot keys, until their time is over',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const remote = remoteOf(store);
      mustEqual(await remote.shareHot([], 1_000), [], 'before');
      await remote.shareHot(['a', 'b\0c'], 300);
      mustEqual(new Set(await remote.shareHot(['d'], 60_000)).size, 3, 'all');
      await new Promise((resolve) => setTimeout(resolve, 400));
      mustEqual(await remote.shareHot([], 1_000), ['d'], 'after a while');
      await store.close();
    },
  },
  {
    rule: 5,
    name: 'a read during a commit waits for it, and does not count as a loss',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const remote = remoteOf(store);
      const commit = (writer: string, n: number) =>
        store.writeTiles({ writer, position: { t: [n] }, tiles: [contractTile(HOP_MS, 'u', 0, n)] });
      await commit('w', 1);
      for (let round = 2; round < 40; round += 2) {
        const generation = { viewId: 'batch', generation: round, asOf: round, visibleFrom: round };
        const [, , , looked] = await Promise.all([
          commit('w', round),
          commit('mark', round + 1),
          store.switchBatch(generation),
          remote.verify(round),
          remote.rewind(),
          commit('w', round + 1),
          remote.confirm(),
        ]);
        mustEqual(looked, 'whole', 'what verify says');
        mustEqual(await store.position('w'), { t: [round + 1] }, 'position');
      }
      await store.close();
    },
  },
  {
    rule: 6,
    name: 'stored windows match the stored tiles: a write of all keeps them, a write of some deletes them',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      await mustStoreWindows(store, async (layout, key) => {
        const answer = await remoteOf(store).read({ tiles: [], windows: [{ layout, key }], batch: [] });
        return answer.windows[0] ?? null;
      });
      await store.close();
    },
  },
];

function tilesOf(...tiles: readonly TileRead[]): RequestRead {
  return { tiles, windows: [], batch: [] };
}

function remoteOf(store: OnlineStore): RemoteStore {
  if (store.remote === undefined) throw new Error('the store has no remote part');
  return store.remote;
}
