import { waitingShares } from '../environment/memory-shares.ts';
import type { EventSourceData } from '../features/define/declaration.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { RAW_READER } from '../featurestore/materialise/archive.ts';
import { SampleRoom } from '../featurestore/skew/sampled-rows.ts';
import { ProjectLabels } from '../monitoring/labels/project-labels.ts';
import { ProjectPlaybooks } from '../playbook/project-playbooks.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { ProjectModels } from '../serving/models/project-models.ts';
import { ProjectStreams } from '../serving/streaming/project-streams.ts';
import { runtimes } from '../site/runtimes.ts';
import { openVersionCache } from '../versions/cache/open-version-cache.ts';
import { RegisteredVersions } from '../versions/cache/registered-versions.ts';
import type { VersionCache } from '../versions/cache/version-cache.ts';
import { monitorOf } from './local-monitor.ts';
import type { Opened, OpenProject, ProjectPlace } from './opened-project.ts';

/** The models of a project, and all that follows their predictions. */
export type OpenedModels = Pick<OpenProject, 'labels' | 'playbooks' | 'registered' | 'models' | 'streams'> & {
  readonly versions: VersionCache;
  readonly sampled: SampleRoom;
};

/** Opens labels, playbooks, loaded versions, models and streams; `models.start` loads the champions. `open` is asked once all is open. Errors: those of the stores. */
export async function openModels(
  { project, environment, clock, onFault }: ProjectPlace,
  { stores }: Opened,
  publishDeliveries: () => Promise<void>,
  open: () => OpenProject,
): Promise<OpenedModels> {
  const { offline } = stores;
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
    publishDeliveries,
    listenerOf: (model) => labels.listenerOf(model),
    answersOf: (model) => playbooks.answersOf(model),
    gateOf: (model) => (version, champion) =>
      playbooks.startGate(model, monitorOf(open()).world, { version, champion }),
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
  return { labels, playbooks, versions, registered, models, streams, sampled };
}

async function publishedDeliveries(offline: OfflineStore, source: EventSourceData): Promise<readonly number[]> {
  return (await offline.position(RAW_READER))?.[topicOf(source)] ?? [];
}
