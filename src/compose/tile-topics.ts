import { flinkTileTopics, tileJobNames, tileTopicsOf } from '../backends/flink/tile-topics.ts';
import { openTopicReader } from '../backends/kafka/topic-reader.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../config.ts';
import type { ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import type { TileTopics } from '../ports/tile-topics.ts';
import { kafkaOptions } from './kafka-options.ts';

/** Opens the topics that the project's Flink job writes; makes them where they are absent. Errors: FLINK_*, LOG_*. */
export async function openTileTopics(project: ProjectData, environment: Environment): Promise<TileTopics> {
  const { partitions, log } = environment;
  if (log.kind !== 'kafka') throw fail('FLINK_ENGINE', {});
  const options = kafkaOptions(environment, log);
  const names = tileJobNames(project, options.prefix);
  const views = project.views.filter((view): view is StreamViewData => view.kind === 'streamView');
  const topics = tileTopicsOf(views.map(tileLayout), names);
  const reader = await openTopicReader({ ...options, clientId: `${options.prefix}tiles`, topics, partitions });
  return flinkTileTopics(topics, names.engine, reader);
}
