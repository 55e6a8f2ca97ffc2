import { join } from 'node:path';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import type { EventSourceData } from '../../src/features/define/declaration.ts';
import { topicOf } from '../../src/features/define/topic-of.ts';
import { ingestFiles, takenRows } from '../../src/featurestore/ingest/ingest-files.ts';
import { loadPast } from '../../src/featurestore/ingest/load-past.ts';
import type { Headrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';

/** A file of past events, and the directory of the environment that takes them. */
export interface PastPlace {
  readonly source: EventSourceData;
  readonly directory: string;
  readonly path: string;
  readonly now: number;
}

const filesOf = ({ path }: PastPlace) => ({ paths: [path], format: null, columns: {}, byTime: true });

/** Puts the past of the file into the history of a directory; `breaks`: the process ends at the publish. */
export async function loadInto(place: PastPlace, partitions: number, breaks = false): Promise<number | null> {
  const { source, directory, now } = place;
  const log = openEventLog({ path: join(directory, 'log'), durability: 'process' });
  const offline = await openOfflineStore({ path: join(directory, 'offline'), access: 'write', clock: () => now });
  try {
    await log.openTopic(topicOf(source), partitions);
    if (breaks) offline.publishQueries = () => Promise.reject(new Error('killed'));
    const stores = { log, offline, directory, now };
    return await loadPast({ source, files: filesOf(place), ...stores, fewestRows: 1, rowsAFile: 100 });
  } finally {
    await offline.close();
    await log.close();
  }
}

/** Takes the rest of the file, as `headrace ingest --bootstrap` does. */
export function ingestInto(headrace: Headrace, place: PastPlace, loaded = 0) {
  return ingestFiles({
    source: place.source,
    files: filesOf(place),
    offline: insideOf(headrace).stores.offline,
    directory: place.directory,
    loaded,
    take: async (events) => takenRows(await headrace.bootstrap(place.source, events)),
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
}
