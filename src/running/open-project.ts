import { resolve } from 'node:path';
import { closingWithin } from '../base/closing.ts';
import { checkDeclaredNames } from '../environment/declared-names.ts';
import { checkDeclaration, placeDeclaration } from '../environment/place-declaration.ts';
import { bytesElsewhere } from '../featurestore/disk/bytes-elsewhere.ts';
import { DiskBudget } from '../featurestore/disk/disk-budget.ts';
import { AppendOutcome } from '../featurestore/ingest/append-outcome.ts';
import { loggedIn } from '../featurestore/ingest/ingest-report.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { TopicIntakes } from '../featurestore/ingest/topic-intakes.ts';
import { openHeapPart } from '../observe/heap-part.ts';
import { begunForgettings } from '../operating/forget-record.ts';
import { openModelHost } from '../serving/models/open-host.ts';
import { PipelineSource } from '../serving/models/pipeline-source.ts';
import { openPipelines } from '../serving/online/predict-pipeline.ts';
import { StreamOutputs } from '../serving/streaming/outputs/stream-outputs.ts';
import { openScoreSink } from '../site/back-ends/score-sinks.ts';
import { Site } from '../site/site.ts';
import { sourceTopics } from '../site/source-topics.ts';
import { TrainingRuns } from '../training/training-runs.ts';
import { Forgetting } from './forgetting.ts';
import { openFeatures } from './open-features.ts';
import { openModels } from './open-models.ts';
import { flushParts, type Opened, type OpenProject, PROJECT_STORES, type ProjectPlace } from './opened-project.ts';
import { predictingWith } from './predicting-with.ts';
import { projectParts } from './project-parts.ts';
import { ProjectProfiles } from './project-profiles.ts';
import { referenceOf } from './reference-of-set.ts';
import { viewScorer } from './view-scorer.ts';

/** A project that cannot be opened closes its stores within this, ms. */
const CLOSE_FAILED_MS = 10_000;

/** Opens stores, feature store, models and labels in their order. Errors: DECLARATION_*, those of the stores. */
export async function openProject(place: ProjectPlace): Promise<OpenProject> {
  const { project, environment } = place;
  checkDeclaredNames(project, environment);
  checkDeclaration(project, environment.directory);
  const disk = diskBudget(place);
  // Before anything is read: V8's space for new objects grows at once, and seldom shrinks.
  const heap = openHeapPart(environment.heapBytes);
  const onPublished = (table: string, bytes: number) => disk.published(table, bytes);
  const site = new Site({ ...place, onPublished });
  try {
    site.makeDirectory();
    const stores = await site.open(...PROJECT_STORES);
    // Only now: a process that may not write here must not replace the declaration of the one that does.
    const { schemas } = placeDeclaration(project, environment.directory);
    return await openIn(place, { site, stores, disk, schemas, heap });
  } catch (error) {
    // The first failure is the one to report.
    await site.close(closingWithin(CLOSE_FAILED_MS));
    await heap.close();
    throw error;
  }
}

async function openIn(place: ProjectPlace, opened: Opened): Promise<OpenProject> {
  const { project, environment, clock, onFault } = place;
  const { site, stores, disk, schemas, heap } = opened;
  const opening = await openModels(
    place,
    opened,
    () => features.publishDeliveries(),
    () => open,
  );
  const { labels, playbooks, versions, registered, models, streams, sampled } = opening;
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
    rollouts: stores.rollouts,
    sharesMemory: true,
    more: [streams.source(), new PipelineSource(declared, (...call) => pipelines.predict(...call))],
    ...models.hooks,
    answered: (model, tookMs) => features.measures.predicted(model, tookMs, performance.now()),
    clock,
    onFault,
  });
  await models.hosted.serve(host);
  const topics = new TopicIntakes(sourceTopics(project, environment), {
    take: (of, events, placeOf) => appends.noted(() => features.take(of, events, placeOf), loggedIn),
    refuse: (of, payload, error, at) => features.refuse(of, payload, error, at),
    onFault,
  });
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
  const running = {
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
  };
  const parts = await projectParts(running, { disk, outputs, heap });
  const { directory } = environment;
  const rowsOf = sourceRows(schemas, stores.log.capabilities.rows);
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
  const open: OpenProject = { ...running, forgetting, rowsOf, parts };
  return open;
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
