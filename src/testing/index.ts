// For tests of third-party back ends: the rules of the ports as data, arbitrary streams, the naive scan.

export { anyAggregate, everyAggregate } from './arbitraries/any-aggregate.ts';
export { anyContent } from './arbitraries/any-event.ts';
export { anyInstant, anyStream, type LoggedDelivery, reordered } from './arbitraries/any-stream.ts';
export { anyView } from './arbitraries/any-view.ts';
export { type ArtifactSubject, artifactStoreContracts } from './contracts/artifact-store.ts';
export { type Contract, mustEqual, mustFail } from './contracts/contract.ts';
export { type EventLogNeed, type EventLogSubject, eventLogContracts } from './contracts/event-log.ts';
export { type HistoryEngineSubject, historyEngineContracts } from './contracts/history-engine.ts';
export { type IncidentSubject, incidentContracts } from './contracts/incident.ts';
export { modelRegistryContracts, type RegistrySubject } from './contracts/model-registry.ts';
export { type ModelRuntimeSubject, modelRuntimeContracts } from './contracts/model-runtime.ts';
export { type OfflineStoreSubject, offlineStoreContracts } from './contracts/offline-store.ts';
export { type OnlineStoreNeed, type OnlineStoreSubject, onlineStoreContracts } from './contracts/online-store.ts';
export { type PlaybookStoreSubject, playbookStoreContracts } from './contracts/playbook-store.ts';
export { type RemoteStoreSubject, remoteStoreContracts } from './contracts/remote-store.ts';
export { type RemoteContract, type RemoteSubject, remoteWritesContracts } from './contracts/remote-writes.ts';
export { type RolloutStoreSubject, rolloutStoreContracts } from './contracts/rollout-store.ts';
export { type SourceTopicSubject, sourceTopicContracts } from './contracts/source-topic.ts';
export { type StreamLanesSubject, streamLanesContracts } from './contracts/stream-lanes.ts';
export { type SharesAnswer, type TileSharesSubject, tileSharesContracts } from './contracts/tile-shares.ts';
export { type TileEngine, type TileTopicsSubject, tileTopicsContracts } from './contracts/tile-topics.ts';
export { trackingContracts } from './contracts/tracking-store.ts';
export {
  type GangPrograms,
  type TrainingBackendNeed,
  type TrainingBackendSubject,
  trainingBackendContracts,
} from './contracts/training-backend.ts';
export { versionContracts } from './contracts/version-registry.ts';
export { type WaitingIdsSubject, waitingIdsContracts } from './contracts/waiting-ids.ts';
export { naiveAggregate } from './oracle/naive-aggregate.ts';
export { acceptedDeliveries, naiveAnswers } from './oracle/naive-scan.ts';
