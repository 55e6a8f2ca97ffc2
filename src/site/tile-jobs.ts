import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { EventSourceData, ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { largestHopMs } from '../features/plan/job-state.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { type ComparedTiles, compareTiles } from '../featurestore/materialise/compare-tiles.ts';
import type { EngineJob, JavaSettings } from '../ports/back-end.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Position } from '../ports/position.ts';
import type { JobSurroundings, TileJobs } from '../ports/tile-jobs.ts';
import { Site } from './site.ts';
import { jobNames, onEngine, openTileTopics, tileSources } from './tile-topics.ts';

/** A job, and the name under which it reads the event log. */
export interface DeclaredJob extends EngineJob {
  /** Of its engine. */
  readonly kind: string;
  /** The engine's name in texts. */
  readonly called: string;
  readonly key: string;
  readonly reader: string;
}

/** The job of a project in an environment; without `client`, as it is shown. Error: TILES_ENGINE. */
export function declaredJob(project: ProjectData, environment: Environment, client?: JavaSettings): DeclaredJob {
  const { log, engine } = onEngine(environment);
  const { key, engine: reader, tileTopic } = jobNames(project, environment);
  const { kind, called } = engine;
  return { kind, called, key, reader, ...engine.job({ project, key, reader, log, tileTopic, client }) };
}

/**
 * Works with the jobs of an environment that make its tiles: to `change` them as the only process that does, or to look.
 * Errors: TILES_LOCKED, TILES_ENGINE, TILES_NONE, those of the work.
 */
export async function withTileJobs<T>(
  project: ProjectData,
  environment: Environment,
  access: 'change' | 'look',
  work: (jobs: TileJobs) => Promise<T>,
): Promise<T> {
  const { directory } = environment;
  const { log: engineLog, engine } = onEngine(environment);
  // To look needs no secret of the log.
  const client = access === 'change' ? engineLog.client(engine.clientPackages) : undefined;
  const declared = declaredJob(project, environment, client);
  const sources = tileSources(project);
  mkdirSync(directory, { recursive: true });
  const lock = access === 'change' ? acquireLock(join(directory, 'tile-jobs.lock')) : undefined;
  if (lock === null) throw fail('TILES_LOCKED', { directory });
  const site = new Site({ project, environment });
  const log = async () => {
    const opened = await site.log();
    for (const source of sources) await opened.openTopic(topicOf(source), environment.partitions);
    return opened;
  };
  const surroundings: JobSurroundings = {
    prepare: async (anew) => {
      if (anew) await checkLog(project, sources, await log());
      else await log();
      await (await openTileTopics(project, environment)).close();
    },
    logEnds: async () => positionOf(sources, async (source) => endsOf(await (await log()).ends(topicOf(source)))),
    done: async () =>
      positionOf(sources, async (source) => (await (await log()).committed(declared.reader, topicOf(source))) ?? []),
    compare: async (upTo) => compareWithEvents(project, environment, await log(), upTo),
  };
  try {
    return await work(declared.control(surroundings, client));
  } finally {
    await site.close();
    lock?.release();
  }
}

/** How many keys of each view are compared with the events. */
const COMPARED_KEYS = 1_000;

async function compareWithEvents(
  project: ProjectData,
  environment: Environment,
  log: EventLog,
  upTo: Position,
): Promise<ComparedTiles> {
  const topics = await openTileTopics(project, environment);
  const views = project.views.filter((view): view is StreamViewData => view.kind === 'streamView');
  try {
    return await compareTiles({
      log,
      topics,
      sources: tileSources(project),
      rowsOf: sourceRows({}, log.capabilities.rows),
      layouts: views.map(tileLayout),
      upTo,
      keys: COMPARED_KEYS,
    });
  } finally {
    await topics.close();
  }
}

/** Whether the log reaches back far enough that every tile that may still change is made of all its events. */
async function checkLog(project: ProjectData, sources: readonly EventSourceData[], log: EventLog): Promise<void> {
  const now = Date.now();
  for (const source of sources) {
    const neededMs = largestHopMs(project, source) + source.latenessMs + source.futureSkewMs;
    for (const [partition, { begin, end }] of (await log.ends(topicOf(source))).entries()) {
      // When the row of a lost change counts is not known.
      if (begin > 0 && source.changes !== undefined)
        throw fail('TILES_CHANGES_TRIMMED', { source: source.name, begin });
      if (begin === 0 || begin === end) continue;
      const { records } = await log.read(topicOf(source), partition, begin, 1);
      const hasMs = now - (records[0]?.ingestTs ?? now);
      if (hasMs < neededMs) throw fail('TILES_LOG_TRIMMED', { source: source.name, neededMs, hasMs });
    }
  }
}

/** Ends of the partitions that have anything: of the others a job says nothing. */
function endsOf(ends: readonly { readonly begin: number; readonly end: number }[]): readonly number[] {
  return ends.map(({ begin, end }) => (end > begin ? end : 0));
}

async function positionOf(
  sources: readonly EventSourceData[],
  offsetsOf: (source: EventSourceData) => Promise<readonly number[]>,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const entries: [string, readonly number[]][] = [];
  for (const source of sources) entries.push([topicOf(source), await offsetsOf(source)]);
  return Object.fromEntries(entries);
}
