import type { StoreFaults } from '../observe/store-faults.ts';
import type { WatchOptions } from '../observe/watched.ts';
import type { Stores } from './compose.ts';

interface Watch extends WatchOptions {
  /** As people call the store. */
  readonly name: string;
}

/**
 * The stores whose faults are noted. Reads of the online store are left alone, as the hottest paths: the committer of a store over a
 * network and its readers report these, and the embedded one checks its pages itself.
 */
export const storeWatches = {
  log: { name: 'event log', leave: ['knownEnds'] },
  lanes: { name: 'lanes of streams', handles: ['join', 'open', 'fence'] },
  topics: { name: 'tile topics', leave: ['knownEnds'] },
  online: {
    name: 'online store',
    leave: ['readTiles', 'readBatch', 'follow', 'check', 'memory', 'hasReaders'],
    handles: ['openCommit'],
  },
  offline: { name: 'history', leave: ['tables', 'relation', 'soundRelation', 'damaged'] },
  registry: { name: 'model registry' },
  rollouts: { name: 'rollouts' },
  monitors: { name: 'state of the monitor', leave: ['lease'] },
  waitingIds: { name: 'ids that wait for labels', handles: ['of'] },
  playbooks: { name: 'playbooks' },
  artifacts: { name: 'artefacts', handles: ['stage'] },
} as const satisfies Readonly<Partial<Record<keyof Stores, Watch>>>;

/** The same stores; the faults of those that are opened are noted. */
export function watchStores<T extends Partial<Stores>>(stores: T, faults: StoreFaults): T {
  const watchedOnes = Object.entries(storeWatches).flatMap(([key, { name, ...options }]) => {
    const store: unknown = Reflect.get(stores, key);
    return typeof store === 'object' && store !== null ? [[key, faults.watch(name, store, options)] as const] : [];
  });
  return { ...stores, ...Object.fromEntries(watchedOnes) };
}
