import type { Environment } from '../environment/config.ts';
import { placeDeclaration } from '../environment/place-declaration.ts';
import type { EventSourceData, ProjectData } from '../features/define/declaration.ts';
import type { EventFiles } from '../featurestore/ingest/event-files.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { loadPast } from '../featurestore/ingest/load-past.ts';
import { withSite } from './site.ts';

/** The files of one source. */
export interface FilesOfSource {
  readonly source: EventSourceData;
  readonly files: EventFiles;
}

/**
 * Puts the past events of files into the history of an environment, where its log can begin after them; no other process may
 * have it open. Returns by source the rows that went there. Within a budget of disk all events are counted one by one, in the log. Errors: those of `loadPast` and of the declaration.
 */
export function loadEnvironmentPast(
  project: ProjectData,
  environment: Environment,
  given: readonly FilesOfSource[],
): Promise<ReadonlyMap<EventSourceData, number>> {
  const { directory, partitions, disk } = environment;
  return withSite({ project, environment }, async (site) => {
    const loaded = new Map<EventSourceData, number>();
    if (disk.bytes !== undefined || disk.bytesPerDay !== undefined) return loaded;
    site.makeDirectory();
    const { log, offline } = await site.open('log', 'offline');
    if (log.beginAt === undefined) return loaded;
    placeDeclaration(project, directory);
    for (const { source, files } of given) {
      await log.openTopic(topicOf(source), partitions);
      const rows = await loadPast({ source, files, log, offline, directory, now: site.clock() });
      if (rows !== null) loaded.set(source, rows);
    }
    return loaded;
  });
}
