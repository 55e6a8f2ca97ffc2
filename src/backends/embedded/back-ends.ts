import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { BackEndPlace, HistoryBackEnd, LogBackEnd, OnlineBackEnd } from '../../ports/back-end.ts';
import { openEventLog } from './log/event-log.ts';
import { copyOnlineStore } from './online/copy-online-store.ts';
import { openOnlineStore } from './online/online-store.ts';

/** Small, so that retention has whole ones to drop. */
const SEGMENT_BYTES = 20_000;

/** Nothing is left outside the directory. */
const inDirectory = { kind: 'embedded', addresses: [], clear: async () => undefined, lacks: [] } as const;

/** The event log in segment files of the directory. */
export function embeddedLog(_options: unknown, { directory, durability, onFault }: BackEndPlace): LogBackEnd {
  const path = join(directory, 'log');
  return {
    ...inDirectory,
    open: () =>
      openEventLog({
        path,
        durability,
        onCut: (topic, partition, bytes) => onFault(fail('LOG_CUT', { topic, partition, bytes })),
      }),
    openSmall: () => openEventLog({ path, durability, segmentBytes: SEGMENT_BYTES }),
    forEngines: null,
    openLanes: null,
  };
}

/** The online store in a file of the directory. */
export function embeddedOnline(_options: unknown, { directory, rowBytes }: BackEndPlace): OnlineBackEnd {
  const path = join(directory, 'online');
  return {
    ...inDirectory,
    open: () => openOnlineStore({ path, rowBytes }),
    openReader: () => openOnlineStore({ path, access: 'read', rowBytes }),
    shares: null,
    failures: null,
    copied: { name: 'online', copyTo: (folder) => copyOnlineStore(path, folder) },
  };
}

/** The offline store computes over its own history. */
export function embeddedHistory(): HistoryBackEnd {
  return { kind: 'embedded', engine: null };
}
