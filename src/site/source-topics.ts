import { kafkaAddress } from '../backends/kafka/back-end.ts';
import { openSourceTopic } from '../backends/kafka/source-topic.ts';
import { registryFormat } from '../backends/schema-registry/record-format.ts';
import { fail } from '../base/errors/fail.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import { topicReaderId } from '../environment/environment-id.ts';
import type { EventSourceData, ProjectData } from '../features/define/declaration.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { jsonRecords } from '../featurestore/ingest/topic-record.ts';
import type { RecordFormat } from '../ports/record-format.ts';
import type { SourceTopic } from '../ports/source-topic.ts';
import { logOf } from './back-ends/environment-back-ends.ts';
import { pemOf, secretOf } from './secrets.ts';

/** A declared source and the topic that its events come from. */
export interface TakenTopic {
  readonly source: EventSourceData;
  readonly format: RecordFormat;
  open(): Promise<SourceTopic>;
}

/** The topics that an environment takes sources from, with secrets and files in the place of their names. Errors: TOPIC_SOURCE, STREAM_FED, CONFIG_SECRET, CONFIG_TLS. */
export function sourceTopics(project: ProjectData, environment: Environment): readonly TakenTopic[] {
  return Object.entries(environment.sources).map(([name, place]) => {
    const source = project.sources.find((one) => one.name === name);
    if (source === undefined)
      throw fail('TOPIC_SOURCE', { source: name, known: project.sources.map((one) => one.name) });
    if (source.scores !== undefined) throw fail('STREAM_FED', { source: name, stream: source.scores.stream });
    const member = topicReaderId(environment.directory);
    const group = groupOf(environment, source, member);
    const options = {
      ...kafkaAddress(place, { secretOf, pemOf }, `sources.${name}`),
      topic: place.topic,
      group,
      member,
      clientId: group,
    };
    return { source, format: formatOf(place.format, source, name), open: () => openSourceTopic(options) };
  });
}

/** Environments that share a log share the topic; each log of a directory needs all of it. */
function groupOf(environment: Environment, source: EventSourceData, id: string): string {
  const group = `${environment.namespace}.${topicOf(source).replace('@', '.')}.taken`;
  return logOf(environment).addresses.length > 0 ? group : `${group}.${id}`;
}

type Format = Environment['sources'][string]['format'];
type RegistryOptions = Extract<Format, { kind: 'schemaRegistry' }>;

/** The formats of values by their kind. Errors: CONFIG_SECRET, CONFIG_TLS. */
const formats = {
  json: () => jsonRecords,
  schemaRegistry: registryRecords,
};

function formatOf(format: Format, source: EventSourceData, name: string): RecordFormat {
  return 'url' in format ? formats[format.kind](format, source, name) : formats[format.kind]();
}

function registryRecords(format: RegistryOptions, { columns }: EventSourceData, source: string): RecordFormat {
  const option = `sources.${source}.format`;
  const address = {
    url: format.url,
    timeoutMs: parseDuration(format.timeout, `${option}.timeout`),
    ...authorizationOf(format, option),
    ...(format.tls === undefined ? {} : { tls: pemOf(format.tls) }),
  };
  return registryFormat({ address, columns, now: () => performance.now() });
}

function authorizationOf(
  { username, password, token }: RegistryOptions,
  option: string,
): { readonly authorization?: string } {
  if (token !== undefined) return { authorization: `Bearer ${secretOf(token, `${option}.token`)}` };
  if (username === undefined || password === undefined) return {};
  const pair = `${username}:${secretOf(password, `${option}.password`)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
