import { resolve } from 'node:path';
import { closingWithin } from '../base/closing.ts';
import type { Clock } from '../base/time.ts';
import { checkRequiredModels, type Environment } from '../environment/config.ts';
import { waitingShares } from '../environment/memory-shares.ts';
import { checkDeclaration, placeDeclaration } from '../environment/place-declaration.ts';
import type { EventSourceData, ProjectData } from '../features/define/declaration.ts';
import { bytesElsewhere } from '../featurestore/disk/bytes-elsewhere.ts';
import { DiskBudget } from '../featurestore/disk/disk-budget.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import { featureStoreParts } from '../featurestore/feature-store-parts.ts';
import { AppendOutcome } from '../featurestore/ingest/append-outcome.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { loggedIn } from '../featurestore/ingest/ingest-report.ts';
import { logPart } from '../featurestore/ingest/log-part.ts';
import { type RowsOf, sourceRows } from '../featurestore/ingest/source-rows.ts';
import { TopicIntakes } from '../featurestore/ingest/topic-intakes.ts';
import { RAW_READER } from '../featurestore/materialise/archive.ts';
import { SampleRoom } from '../featurestore/skew/sampled-rows.ts';
import { trainingSetsPart } from '../featurestore/training-set/training-sets-part.ts';
import { ProjectLabels } from '../monitoring/labels/project-labels.ts';
import { openClockPart } from '../observe/clock-part.ts';
import { openHeapPart } from '../observe/heap-part.ts';
import { openPart } from '../observe/part-kind.ts';
import { storesPart } from '../observe/stores-part.ts';
import { begunForgettings } from '../operating/forget-record.ts';
import { freeBytes } from '../operating/free-bytes.ts';
import { ProjectPlaybooks } from '../playbook/project-playbooks.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { Part } from '../ports/part.ts';
import { openModelHost } from '../serving/models/open-host.ts';
import { PipelineSource } from '../serving/models/pipeline-source.ts';
import { ProjectModels } from '../serving/models/project-models.ts';
import type { ModelHost } from '../serving/oip/model-host.ts';
import { openPipelines, type Pipelines } from '../serving/online/predict-pipeline.ts';
import { StreamOutputs } from '../serving/streaming/outputs/stream-outputs.ts';
import { ProjectStreams } from '../serving/streaming/project-streams.ts';
import { openScoreSink } from '../site/back-ends/score-sinks.ts';
import { monitoringParts } from '../site/monitoring-parts.ts';
import { runtimes } from '../site/runtimes.ts';
import { Site, type SiteStores } from '../site/site.ts';
import { sourceTopics } from '../site/source-topics.ts';
import { TrainingRuns } from '../training/training-runs.ts';
import { openVersionCache } from '../versions/cache/open-version-cache.ts';
import { RegisteredVersions } from '../versions/cache/registered-versions.ts';
import { inferencePart } from '../versions/inference-part.ts';
import { pythonPart } from '../versions/python-part.ts';
import { Forgetting } from './forgetting.ts';
import { type Opened, openFeatures } from './open-features.ts';
import { predictingWith } from './predicting-with.ts';
import { ProjectProfiles } from './project-profiles.ts';
import { referenceOf } from './reference-of-set.ts';
import { viewScorer } from './view-scorer.ts';

/** A project and where it runs. */
export interface ProjectPlace {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly clock: Clock;
  /** Whether the same calls give the same figures, for a replay. */
  readonly repeatable?: boolean;
  /** Receives failures of background work. */
  readonly onFault: (error: unknown) => void;
}

/** Everything that a running project opens, in this order. */
const STORES = [
  'artifacts',
  'log',
  'lanes',
  'topics',
  'online',
  'offline',
  'engine',
  'registry',
  'playbooks',
  'rollouts',
  'monitors',
  'waitingIds',
  'runtime',
  'python',
  'upstreams',
  'training',
  'traces',
  'audit',
] as const;

type ProjectStores = SiteStores<(typeof STORES)[number]>;

/** The open parts of a running project. */
export interface OpenProject extends ProjectPlace {
  /** The environment, with everything that is open of it. */
  readonly site: Site;
  readonly stores: ProjectStores;
  readonly features: FeatureStore;
  /** Loaded versions that the project itself scores with. */
  readonly registered: RegisteredVersions;
  readonly models: ProjectModels;
  readonly host: ModelHost;
  readonly labels: ProjectLabels;
  readonly pipelines: Pipelines;
  readonly streams: ProjectStreams;
  readonly profiles: ProjectProfiles;
  readonly appends: AppendOutcome;
  readonly topics: TopicIntakes;
  readonly training: TrainingRuns;
  readonly playbooks: ProjectPlaybooks;
  readonly forgetting: Forgetting;
  readonly rowsOf: RowsOf;
  /** In the order of flushing; they are closed in reverse. */
  readonly parts: readonly Part[];
}

/** A project that cannot be opened closes its stores within this, ms. */
const CLOSE_FAILED_MS = 10_000;

/** Opens stores, feature store, models and labels in their order. Errors: DECLARATION_*, those of the stores. */
export async function openProject(place: ProjectPlace): Promise<OpenProject> {
  const { project, environment } = place;
  checkRequiredModels(project, environment);
  checkDeclaration(project, environment.directory);
  const disk = diskBudget(place);
  const onPublished = (table: string, bytes: number) => disk.published(table, bytes);
  const site = new Site({ ...place, onPublished });
  try {
    site.makeDirectory();
    const stores = await site.open(...STORES);
    // Only now: a process that may not write here must not replace the declaration of the one that does.
    const { schemas } = placeDeclaration(project, environment.directory);
    return await openIn(place, { site, stores, disk, schemas });
  } catch (error) {
    // The first failure is the one to report.
    await site.close(closingWithin(CLOSE_FAILED_MS));
    throw error;
  }
}

async function openIn(place: ProjectPlace, opened: Opened): Promise<OpenProject> {
  const { project, environment, clock, onFault } = place;
  const { site, stores, disk, schemas } = opened;
  const { offline, log } = stores;
  const taken = sourceTopics(project, environment);
  const deliveriesTo = (source: EventSourceData) => publishedDeliveries(offline, source);
  const labels = new ProjectLabels({
    models: project.models,
    offline,
    clock,
    deliveriesTo,
    openIds: (model) => stores.waitingIds.of(model),
    idBytes: waitingShares(environment.memoryBytes).labelBytes,
    onFault,
  });
  const { partitions, sampleRate, requiredModels } = environment;
  const sampled = new SampleRoom(waitingShares(environment.memoryBytes).historyBytes);
  const playbooks = new ProjectPlaybooks({
    project,
    directory: environment.directory,
    store: stores.playbooks,
    clock,
    onFault,
  });
  await playbooks.follow();
  const versions = openVersionCache({ environment, runtimes, clock, onFault });
  const registered = new RegisteredVersions({ ...stores, versions });
  const models = await ProjectModels.open({
    ...stores,
    registered,
    tryOut: runtimes.tryOut,
    project,
    partitions,
    sampleRate,
    sampled,
    clock,
    onFault,
    required: requiredModels,
    waitingBytes: waitingShares(environment.memoryBytes).predictionBytes,
    publishDeliveries: () => features.publishDeliveries(),
    listenerOf: (model) => labels.listenerOf(model),
    answersOf: (model) => playbooks.answersOf(model),
  });
  const streams = new ProjectStreams({
    ...stores,
    registered,
    streams: project.streams ?? [],
    models: project.models.map(({ name }) => name),
    clock,
    onFault,
  });
  await streams.makeTopics(partitions);
  const outputs = new StreamOutputs({ ...stores, project, openSink: openScoreSink, clock, onFault });
  const scorer = viewScorer(environment.directory, () => open);
  const profiles = await ProjectProfiles.open({ ...place, stores, mayLog: (rows) => disk.mayLog(rows) });
  const features = await openFeatures(place, opened, { models, labels, streams, outputs, profiles, scorer, sampled });
  await models.start();
  const appends = new AppendOutcome();
  const { pipelines: declared = [] } = project;
  const pipelines = openPipelines(declared, (model) => predictingWith({ models, features, appends, stores }, model));
  const host = await openModelHost({
    environment,
    versions,
    registered: stores,
    sharesMemory: true,
    more: [streams.source(), new PipelineSource(declared, (...call) => pipelines.predict(...call))],
    ...models.hooks,
    answered: (model, tookMs) => features.measures.predicted(model, tookMs, performance.now()),
    clock,
    onFault,
  });
  const topics = new TopicIntakes(taken, {
    take: (of, events, placeOf) => appends.noted(() => features.take(of, events, placeOf), loggedIn),
    refuse: (of, payload, error, at) => features.refuse(of, payload, error, at),
    onFault,
  });
  const untaken = () => appends.untaken;
  const flush = () => flushParts(parts);
  const training = new TrainingRuns({
    project,
    stores,
    limits: environment.training,
    features,
    referenceOf,
    clock,
    flush,
  });
  const parts: Part[] = [
    // First, so that a flush counts their bytes too.
    profiles.part(),
    ...featureStoreParts({ features, disk, topics: () => topics.reports() }),
    openHeapPart(environment.heapBytes),
    openPart(storesPart, site.faults),
    openClockPart({ clock, ingested: () => features.facts.ingested() }),
    openPart(trainingSetsPart, () => training.sets),
    openPart(logPart, { untaken, freeBytes: () => freeBytes(environment.directory) }),
    ...models.parts(),
    openPart(pythonPart, { workers: () => stores.python?.workers() ?? [] }),
    openPart(inferencePart, host, { tick: () => host.tick(), close: () => host.close() }),
    playbooks.part(),
    labels.part(),
    ...(await monitoringParts(site, clock())),
    streams.part(),
    outputs.part(),
  ];
  const { directory } = environment;
  const rowsOf = sourceRows(schemas, log.capabilities.rows);
  await streams.open({
    rowsOf,
    look: (...read) => features.look(...read),
    recordUse: (id, used) => features.recordUse(id, used),
    readPast: ({ model, from }, partition, offsets) =>
      features.pastVectors({ service: model.service, source: from, partition, offsets }),
    verdictsOf: (source) => features.verdictsOf(source),
    appliedTo: (source) => features.facts.judgedTo(source),
  });
  await outputs.open({
    rowsOf,
    feed: async (...fed) => (await appends.noted(() => features.feed(...fed), loggedIn)).late,
  });
  const forgetting = new Forgetting({ ...stores, ...stores.training, rowsOf, directory, project, features }, flush);
  // A forgetting that a dead process began is finished before anything is served.
  for (const { entity, key } of begunForgettings(directory)) await forgetting.forget(entity, key);
  const open: OpenProject = {
    ...place,
    site,
    stores,
    features,
    registered,
    models,
    host,
    labels,
    pipelines,
    streams,
    profiles,
    appends,
    topics,
    training,
    playbooks,
    forgetting,
    rowsOf,
    parts,
  };
  return open;
}

/** Writes everything that the parts accepted to every store. */
export async function flushParts(parts: readonly Part[]): Promise<void> {
  for (const part of parts) await part.flush();
}

async function publishedDeliveries(offline: OfflineStore, source: EventSourceData): Promise<readonly number[]> {
  return (await offline.position(RAW_READER))?.[topicOf(source)] ?? [];
}

function diskBudget({ environment: { directory, disk }, clock, onFault }: ProjectPlace): DiskBudget {
  return new DiskBudget({
    bytes: disk.bytes ?? Number.POSITIVE_INFINITY,
    bytesPerDay: disk.bytesPerDay ?? Number.POSITIVE_INFINITY,
    ledgerPath: resolve(directory, 'disk.json'),
    clock,
    elsewhere: () => bytesElsewhere(directory),
    onFault,
  });
}
