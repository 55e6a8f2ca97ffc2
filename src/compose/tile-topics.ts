import { tileJobTexts } from '../backends/flink/tile-job.ts';
import { openTopicReader } from '../backends/kafka/topic-reader.ts';
import { sparkTileJobTexts } from '../backends/spark/tile-job.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { EventSourceData, ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import {
  type TileJobNames,
  tileJobNames,
  tileTopicsOf,
  tileTopicsOn,
} from '../featurestore/materialise/topics-of-tiles.ts';
import type { ShareNames } from '../ports/tile-shares.ts';
import type { TileTopics } from '../ports/tile-topics.ts';
import { kafkaOptions, topicPrefix } from './kafka-options.ts';

/** What the project's job is called in an environment. Error: TILES_ENGINE. */
export function jobNames(project: ProjectData, environment: Environment): TileJobNames {
  const { kind } = environment.engine;
  if (kind === 'embedded') throw fail('TILES_ENGINE', {});
  const texts = kind === 'flink' ? tileJobTexts(project) : sparkTileJobTexts(project);
  return tileJobNames(kind, texts, topicPrefix(environment));
}

/** Between which processes the tiles of an environment are divided, where others write them. Error: TILES_ENGINE. */
export function shareNames(project: ProjectData, environment: Environment): ShareNames {
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
  const { partitions, log } = environment;
  if (log.kind !== 'kafka') throw fail('TILES_ENGINE', {});
  const options = kafkaOptions(environment, log);
  const names = jobNames(project, environment);
  const views = project.views.filter((view): view is StreamViewData => view.kind === 'streamView');
  const topics = tileTopicsOf(views.map(tileLayout), names);
  const reader = await openTopicReader({ ...options, clientId: `${options.prefix}tiles`, topics, partitions });
  return tileTopicsOn(topics, names.engine, reader);
}
