import { openSourceTopic } from '../backends/kafka/source-topic.ts';
import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../config.ts';
import { topicReaderId } from '../environment-id.ts';
import type { EventSourceData, ProjectData } from '../features/define/declaration.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import type { SourceTopic } from '../ports/source-topic.ts';
import { kafkaAddress, topicPrefix } from './kafka-options.ts';

/** A declared source and the topic that its events come from. */
export interface TakenTopic {
  readonly source: EventSourceData;
  open(): Promise<SourceTopic>;
}

/** The topics that an environment takes sources from, with secrets and files in the place of their names. Errors: TOPIC_SOURCE, CONFIG_SECRET, CONFIG_TLS. */
export function sourceTopics(project: ProjectData, environment: Environment): readonly TakenTopic[] {
  return Object.entries(environment.sources).map(([name, place]) => {
    const source = project.sources.find((one) => one.name === name);
    if (source === undefined)
      throw fail('TOPIC_SOURCE', { source: name, known: project.sources.map((one) => one.name) });
    const member = topicReaderId(environment.directory);
    const group = groupOf(environment, source, member);
    const options = { ...kafkaAddress(place, `sources.${name}`), topic: place.topic, group, member, clientId: group };
    return { source, open: () => openSourceTopic(options) };
  });
}

/** Who shares a log shares the topic; each log of a directory has to have all of it. */
function groupOf(environment: Environment, source: EventSourceData, id: string): string {
  const group = `${topicPrefix(environment)}${topicOf(source).replace('@', '.')}.taken`;
  return environment.log.kind === 'kafka' ? group : `${group}.${id}`;
}
