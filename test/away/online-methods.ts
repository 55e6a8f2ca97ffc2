import type { OnlineStore } from '../../src/ports/online-store.ts';
import type { RemoteStore } from '../../src/ports/remote-store.ts';
import { contractLayout, contractTile } from '../../src/testing/contracts/contract-tiles.ts';

type Methods<P> = { [M in keyof P as P[M] extends ((...args: never[]) => unknown) | undefined ? M : never]-?: unknown };

/** Calls a method of a port once. */
type Calls<P, S> = { readonly [M in keyof Methods<P>]: (of: S) => unknown };

const HOP_MS = 60_000;
const everything = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const few = { layout: contractLayout, hopMs: HOP_MS, key: 'u', from: 0, to: 50 * HOP_MS };
const many = { ...few, ...everything };
const features = { mean: { type: 'float', nullable: true } } as const;
const row = { viewId: 'history@1', features, key: 'u' };
let generation = 0;

function nextGeneration() {
  generation += 1;
  return { viewId: 'history@1', generation, asOf: generation, visibleFrom: generation };
}

/** Every method of the store but `close`, so that a new one breaks the build; what a remote store has not is null. */
export const onlineCalls: Readonly<
  Record<Exclude<keyof Methods<OnlineStore>, 'close'>, ((store: OnlineStore) => unknown) | null>
> = {
  readTiles: (store) => store.readTiles([few, many]),
  writeTiles: (store) =>
    store.writeTiles({ writer: 'w', position: { t: [1] }, tiles: [contractTile(HOP_MS, 'u', 0, 2)] }),
  // Its commits are calls that are answered later.
  openCommit: null,
  readWindows: null,
  position: null,
  writers: null,
  writeBatch: (store) => store.writeBatch(nextGeneration(), features, [{ key: 'u', values: [1] }]),
  switchBatch: (store) => store.switchBatch(nextGeneration()),
  readBatch: (store) => store.readBatch([row]),
  dropTiles: (store) => store.dropTiles([{ layout: contractLayout, horizons: [{ hopMs: HOP_MS, endedBefore: 1 }] }]),
  dropView: (store) => store.dropView('gone@1'),
  dropKey: (store) => store.dropKey?.([contractLayout], ['history@1'], 'nobody'),
  follow: null,
  // The size of the filter in this process: no call to the server.
  memory: null,
  hasReaders: null,
  check: null,
};

/** Every method of a store behind a network. */
export const remoteCalls: Calls<RemoteStore, RemoteStore> = {
  read: (remote) => remote.read({ tiles: [few], windows: [{ layout: contractLayout, key: 'u' }], batch: [row] }),
  load: (remote) => remote.load('w', [{ layout: contractLayout, key: 'nobody' }]),
  verify: (remote) => remote.verify(1),
  rewind: (remote) => remote.rewind(),
  // What was said once is not said again: a rewind takes it back.
  confirm: async (remote) => {
    await remote.rewind();
    await remote.confirm();
  },
  freshUntil: (remote) => remote.freshUntil(),
  sharePlaces: (remote) => remote.sharePlaces(),
  closeShares: (remote) => remote.closeShares(false),
  shareHot: (remote) => remote.shareHot(['a'], 100),
};
