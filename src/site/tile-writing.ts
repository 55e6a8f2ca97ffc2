import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import { topicReaderId } from '../environment/environment-id.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { TileWriter } from '../featurestore/materialise/tile-writer.ts';
import { checkNotMoved } from '../operating/migrate/migration-files.ts';
import { logOf, onlineOf } from './back-ends/environment-back-ends.ts';
import { Site } from './site.ts';
import { jobNames, openTileTopics, shareNames, tileSources } from './tile-topics.ts';

/** The reports of a process that writes tiles. */
export interface TileWriting {
  readonly onFault: (error: unknown) => void;
  /** Its partitions of all, whenever they change. */
  readonly onShares?: (shares: readonly number[], of: number) => void;
}

/** A process that writes tiles, and ends when it is closed. */
export interface OpenTileWriter {
  readonly writer: TileWriter;
  close(): Promise<void>;
}

/** Opens one of the processes that write an engine's tiles to a shared store. Errors: TILES_WRITERS, TILES_NONE, MIGRATE_MOVED, those of log and store. */
export async function openTileWriter(
  project: ProjectData,
  environment: Environment,
  { onFault, onShares }: TileWriting,
): Promise<OpenTileWriter> {
  const { directory, partitions } = environment;
  const { shares: shared } = onlineOf(environment);
  const declaredLog = logOf(environment);
  if (declaredLog.forEngines === null || shared === null) throw fail('TILES_WRITERS', {});
  const { prefix, shareGroup } = declaredLog.forEngines;
  const sources = tileSources(project);
  checkNotMoved(directory);
  mkdirSync(directory, { recursive: true });
  const site = new Site({ project, environment, onFault });
  try {
    const { slot } = await site.keep('slot of the writer', () => freeSlot(directory));
    const log = await site.log();
    for (const source of sources) await log.openTopic(topicOf(source), partitions);
    const topics = await site.keep('tile topics', () => openTileTopics(project, environment));
    const shares = await site.keep('shares', () => shared.open(shareNames(project, environment)));
    const [topic = ''] = Object.keys((await topics.ends()).ends);
    const group = `${prefix}${jobNames(project, environment).engine}.writers`;
    // The next life of a dead one has its name, and need not wait until the brokers have given it up.
    const member = `${topicReaderId(directory)}-${slot}`;
    const members = await shareGroup(group, member, topic);
    const told = onShares === undefined ? {} : { onShares: (has: readonly number[]) => onShares(has, partitions) };
    const options = { topics, shares, group: members, log, sources, partitions, clock: Date.now, onFault, ...told };
    const writer = await site.keep('writer', () => new TileWriter(options));
    return { writer, close: () => site.close() };
  } catch (error) {
    await site.close().catch(onFault);
    throw error;
  }
}

/** The first number that no living writer of a directory has. */
function freeSlot(directory: string): { readonly slot: number; close(): void } {
  for (let slot = 1; ; slot += 1) {
    const lock = acquireLock(join(directory, `tile-writer-${slot}.lock`));
    if (lock !== null) return { slot, close: () => lock.release() };
  }
}
