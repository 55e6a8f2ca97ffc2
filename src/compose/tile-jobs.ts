import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { acquireLock } from '../backends/embedded/lock.ts';
import { FlinkCluster } from '../backends/flink/cluster.ts';
import { type TileJob, tileJob } from '../backends/flink/tile-job.ts';
import { FlinkTileJobs } from '../backends/flink/tile-jobs.ts';
import { openKafkaLog } from '../backends/kafka/event-log.ts';
import { type JavaClient, javaClient } from '../backends/kafka/java-client.ts';
import { FORMAT } from '../backends/kafka/record.ts';
import { topicName } from '../backends/kafka/topic-name.ts';
import { type SparkTileJob, sparkTileJob } from '../backends/spark/tile-job.ts';
import { SparkTileJobs } from '../backends/spark/tile-jobs.ts';
import { fail } from '../base/errors/fail.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import type { EventSourceData, ProjectData, StreamViewData } from '../features/define/declaration.ts';
import { STREAM_GENERATION } from '../features/engine/stream-engine.ts';
import { largestHopMs } from '../features/plan/job-state.ts';
import { tileLayout } from '../features/tile/tile-layout.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { type ComparedTiles, compareTiles } from '../featurestore/materialise/compare-tiles.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Position } from '../ports/position.ts';
import type { JobSurroundings, TileJobs } from '../ports/tile-jobs.ts';
import { kafkaOptions, topicPrefix } from './kafka-options.ts';
import { jobNames, openTileTopics, tileSources } from './tile-topics.ts';

/** A call of gateway or cluster without an answer after this fails, ms: planning a large job takes long. */
const TIMEOUT_MS = 120_000;

/** A job and the key that tells it from others. */
export type DeclaredJob = {
  readonly key: string;
  /** The name under which it reads the event log. */
  readonly reader: string;
} & ({ readonly kind: 'flink'; readonly job: TileJob } | { readonly kind: 'spark'; readonly job: SparkTileJob });

/** Where the connector that Flink carries has the packages of Kafka's client; Spark's has them where they are. */
const SHADED = { flink: 'org.apache.flink.kafka.shaded.', spark: '' } as const;

/** The job of a project in an environment, and its key; without `client`, as it is shown. Error: TILES_ENGINE. */
export function declaredJob(project: ProjectData, environment: Environment, client?: JavaClient): DeclaredJob {
  const { log, engine } = onEngine(environment);
  const prefix = topicPrefix(environment);
  const { key, engine: reader, tileTopic } = jobNames(project, environment);
  const shared = {
    mark: FORMAT,
    eventTopic: (source: EventSourceData) => topicName(prefix, topicOf(source)),
    tileTopic,
    generation: STREAM_GENERATION,
  };
  if (engine.kind === 'spark') return { kind: 'spark', key, reader, job: sparkTileJob(project, shared) };
  const job = tileJob(project, {
    ...shared,
    brokers: log.brokers,
    ...(client === undefined ? {} : { client: { shown: client.shown, secret: Object.keys(client.secret) } }),
    group: `${prefix}${reader}`,
    checkpointMs: parseDuration(engine.checkpoint, 'engine.checkpoint'),
  });
  return { kind: 'flink', key, reader, job };
}

/** Log and engine of an environment. Error: TILES_ENGINE, where they are not Kafka and an engine beside this process. */
function onEngine({ log, engine }: Environment) {
  if (log.kind !== 'kafka' || engine.kind === 'embedded') throw fail('TILES_ENGINE', {});
  return { log, engine };
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
  const { log: declaredLog, engine } = onEngine(environment);
  const logOptions = () => kafkaOptions(environment, declaredLog);
  // To look needs no secret of the log.
  const client = access === 'change' ? javaClient(logOptions(), SHADED[engine.kind]) : undefined;
  const declared = declaredJob(project, environment, client);
  const sources = tileSources(project);
  mkdirSync(directory, { recursive: true });
  const lock = access === 'change' ? acquireLock(join(directory, 'tile-jobs.lock')) : undefined;
  if (lock === null) throw fail('TILES_LOCKED', { directory });
  let opened: EventLog | null = null;
  const log = async () => {
    opened ??= await openLogOf(sources, environment, await openKafkaLog(logOptions()));
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
    return await work(controller(declared, environment, client, surroundings));
  } finally {
    await (opened as EventLog | null)?.close();
    lock?.release();
  }
}

function controller(
  declared: DeclaredJob,
  environment: Environment,
  client: JavaClient | undefined,
  surroundings: JobSurroundings,
): TileJobs {
  const { directory, namespace, partitions } = environment;
  const { log, engine } = onEngine(environment);
  if (declared.kind === 'flink' && engine.kind === 'flink')
    return new FlinkTileJobs({
      ...surroundings,
      key: declared.key,
      job: declared.job,
      secrets: client?.secret ?? {},
      namespace,
      cluster: new FlinkCluster(engine.cluster, TIMEOUT_MS),
      gateway: engine.gateway,
      path: join(directory, 'flink.json'),
      clock: Date.now,
      timeoutMs: TIMEOUT_MS,
    });
  if (declared.kind === 'spark' && engine.kind === 'spark')
    return new SparkTileJobs({
      ...surroundings,
      key: declared.key,
      job: declared.job,
      spark: engine,
      jars: engine.jars,
      group: `${topicPrefix(environment)}${declared.reader}`,
      kafka: { 'bootstrap.servers': log.brokers.join(','), ...client?.shown, ...client?.secret },
      realTime: engine.mode === 'realTime',
      everyMs: parseDuration(engine.checkpoint, 'engine.checkpoint'),
      partitions,
      directory: tileJobsFolder(environment),
      clock: Date.now,
    });
  throw new TypeError(`a job of ${declared.kind} is not one of ${engine.kind}`);
}

/** Where the jobs of Spark are; absolute: machines of a cluster reach it by this name. */
export function tileJobsFolder({ directory }: Pick<Environment, 'directory'>): string {
  return resolve(directory, 'spark-tiles');
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

async function openLogOf(
  sources: readonly EventSourceData[],
  { partitions }: Environment,
  log: EventLog,
): Promise<EventLog> {
  try {
    for (const source of sources) await log.openTopic(topicOf(source), partitions);
    return log;
  } catch (error) {
    await log.close();
    throw error;
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
