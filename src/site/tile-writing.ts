import { mkdirSync } from 'node:fs';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { EventWriter, LOOK_EVERY_MS } from '../featurestore/materialise/event-writer.ts';
import { TileWriter } from '../featurestore/materialise/tile-writer.ts';
import { checkNotMoved } from '../operating/migrate/migration-files.ts';
import { engineOf, logOf, onlineOf } from './back-ends/environment-back-ends.ts';
import { Site } from './site.ts';
import { openTileTopics, shareNames, tileSources } from './tile-topics.ts';

/** The reports of a process that writes tiles. */
export interface TileWriting {
  readonly onFault: (error: unknown) => void;
  /** Its partitions of all, whenever they change. */
  readonly onShares?: (shares: readonly number[], of: number) => void;
}

/** A process that writes tiles, and ends when it is closed. */
export interface OpenTileWriter {
  readonly writer: TileWriter | EventWriter;
  close(): Promise<void>;
}

/**
 * Opens one of the processes that write the tiles of a shared store: those of an engine, or those that it makes of the log. Errors:
 * TILES_WRITERS, TILES_NONE, TILES_CLUSTER, MIGRATE_MOVED, those of log and store.
 */
export async function openTileWriter(
  project: ProjectData,
  environment: Environment,
  { onFault, onShares }: TileWriting,
): Promise<OpenTileWriter> {
  const { directory, partitions } = environment;
  const { shares: shared } = onlineOf(environment);
  if (logOf(environment).forEngines === null || shared === null) throw fail('TILES_WRITERS', {});
  const sources = tileSources(project);
  checkNotMoved(directory);
  mkdirSync(directory, { recursive: true });
  const site = new Site({ project, environment, onFault });
  try {
    const log = await site.log();
    for (const source of sources) await log.openTopic(topicOf(source), partitions);
    const names = shareNames(project, environment);
    const topics =
      engineOf(environment) === null
        ? null
        : await site.keep('tile topics', () => openTileTopics(project, environment));
    const shares = await site.keep('shares', () => shared.open(names));
    const group = await shared.join(names);
    const told = onShares === undefined ? {} : { onShares: (has: readonly number[]) => onShares(has, partitions) };
    const options = { shares, group, log, sources, clock: Date.now, onFault, ...told };
    const writer = await site.keep('writer', () => {
      if (topics !== null) return new TileWriter({ ...options, topics, partitions });
      const views = project.views.filter((view): view is StreamViewData => view.kind === 'streamView');
      const rowsOf = sourceRows({}, log.capabilities.rows);
      return new EventWriter({ ...options, layouts: views.map(tileLayout), rowsOf, lookEveryMs: LOOK_EVERY_MS });
    });
    return { writer, close: () => site.close() };
  } catch (error) {
    await site.close().catch(onFault);
    throw error;
  }
}
