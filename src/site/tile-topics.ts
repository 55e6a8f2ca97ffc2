import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { EventSourceData, ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { topicOf } from '../features/define/topic-of.ts';
import { tileIdentity } from '../features/tile/tile-identity.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import {
  type TileJobNames,
  tileJobNames,
  tileTopicsOf,
  tileTopicsOn,
} from '../featurestore/materialise/topics-of-tiles.ts';
import { writers } from '../featurestore/materialise/writer.ts';
import type { EngineBackEnd, EngineLog } from '../ports/back-end.ts';
import type { ShareNames } from '../ports/tile-shares.ts';
import type { TileTopics } from '../ports/tile-topics.ts';
import { engineOf, logOf } from './back-ends/environment-back-ends.ts';

/** The engine of an environment, and its log. Error: TILES_ENGINE, unless an engine elsewhere can read the log. */
export function onEngine(environment: Environment): { readonly engine: EngineBackEnd; readonly log: EngineLog } {
  const engine = engineOf(environment);
  const { forEngines: log } = logOf(environment);
  if (engine === null || log === null) throw fail('TILES_ENGINE', {});
  return { engine, log };
}

/** The name of the project's job in an environment. Error: TILES_ENGINE. */
export function jobNames(project: ProjectData, environment: Environment): TileJobNames {
  const { engine, log } = onEngine(environment);
  return tileJobNames(engine.kind, engine.jobTexts(project), log.prefix);
}

/** Between which processes the tiles of an environment are divided, where others write them. */
export function shareNames(project: ProjectData, environment: Environment): ShareNames {
  if (engineOf(environment) === null) {
    const views = streamViewsIn(project).map((view) => `${topicOf(view.source)} ${tileIdentity(view)}`);
    const { engine } = tileJobNames('log', views.sort(), '');
    return { engine, shares: environment.partitions, continues: writers.embedded };
  }
  return { engine: jobNames(project, environment).engine, shares: environment.partitions };
}

/** The sources that tiles are made of. Error: TILES_NONE. */
export function tileSources({ name, sources, views }: ProjectData): readonly EventSourceData[] {
  const used = sources.filter((source) =>
    views.some((view) => view.kind === 'streamView' && view.source.name === source.name),
  );
  if (used.length === 0) throw fail('TILES_NONE', { project: name });
  return used;
}

/** Opens the topics that the project's job writes; makes them where they are absent. Errors: TILES_*, LOG_*. */
export async function openTileTopics(project: ProjectData, environment: Environment): Promise<TileTopics> {
  const { log } = onEngine(environment);
  const names = jobNames(project, environment);
  const topics = tileTopicsOf(streamViewsIn(project).map(tileLayout), names);
  const reader = await log.readTopics(topics, environment.partitions);
  return tileTopicsOn(topics, names.engine, reader);
}

function streamViewsIn({ views }: ProjectData): readonly StreamViewData[] {
  return views.filter((view): view is StreamViewData => view.kind === 'streamView');
}
