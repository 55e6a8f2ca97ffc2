import { type BatchStatus, batchPart } from '../featurestore/batch/batch-part.ts';
import { type DiskStatus, diskPart } from '../featurestore/disk/disk-part.ts';
import { followedPart } from '../featurestore/followed-part.ts';
import { historyPart } from '../featurestore/history-part.ts';
import { type IngestStatus, ingestPart } from '../featurestore/ingest/ingest-part.ts';
import { logPart } from '../featurestore/ingest/log-part.ts';
import { type TopicsStatus, topicsPart } from '../featurestore/ingest/topics-part.ts';
import { type TilesStatus, tilesPart } from '../featurestore/materialise/tiles-part.ts';
import { type MemoryStatus, memoryPart } from '../featurestore/memory/memory-part.ts';
import { type StoreStatus, storePart } from '../featurestore/online/store-part.ts';
import { type SkewStatus, skewPart } from '../featurestore/skew/skew-part.ts';
import { trainingSetsPart } from '../featurestore/training-set/training-sets-part.ts';
import { type AlertsStatus, alertsPart } from '../findings/alerts/alerts-part.ts';
import { type MonitorsStatus, monitorsPart } from '../findings/monitors-part.ts';
import { labelsPart } from '../monitoring/labels/labels-part.ts';
import { type ProfilesStatus, profilesPart } from '../monitoring/served/profiles-part.ts';
import { type ClockStatus, clockPart } from '../observe/clock-part.ts';
import { type HeapStatus, heapPart } from '../observe/heap-part.ts';
import { type AnyPartKind, partKind } from '../observe/part-kind.ts';
import { type ReadsStatus, readsPart } from '../observe/reads-part.ts';
import type { Status } from '../observe/status.ts';
import { type StoresStatus, storesPart } from '../observe/stores-part.ts';
import { type PlaybooksStatus, playbookPart } from '../playbook/playbook-part.ts';
import { modelsPart } from '../serving/online/models-part.ts';
import { predictionsPart } from '../serving/online/predictions-part.ts';
import { type RolloutsStatus, rolloutsPart } from '../serving/rollout/rollouts-part.ts';
import { type OutputsStatus, outputsPart } from '../serving/streaming/outputs/outputs-part.ts';
import { type StreamsStatus, streamsPart } from '../serving/streaming/streams-part.ts';
import { type InferenceStatus, inferencePart } from '../versions/inference-part.ts';
import { type PythonStatus, pythonPart } from '../versions/python-part.ts';

/**
 * Every kind of part, in the order of `headrace status`, with the keys of its share of `GET /v1/status`. The metrics page, the
 * status command and the merged status of a group of processes are made from this list.
 */
export const partKinds: readonly AnyPartKind[] = [
  partKind(ingestPart, ['sources']),
  partKind(logPart, []),
  partKind(readsPart, ['views', 'services']),
  partKind(batchPart, ['batch']),
  partKind(historyPart, []),
  partKind(trainingSetsPart, []),
  partKind(skewPart, ['audits']),
  partKind(topicsPart, ['topics']),
  partKind(tilesPart, ['lag']),
  partKind(modelsPart, []),
  partKind(predictionsPart, []),
  partKind(inferencePart, ['inference']),
  partKind(pythonPart, ['python']),
  partKind(rolloutsPart, ['rollouts']),
  partKind(playbookPart, ['playbooks']),
  partKind(labelsPart, []),
  partKind(profilesPart, ['profiles']),
  partKind(monitorsPart, ['monitors']),
  partKind(alertsPart, ['alerts']),
  partKind(streamsPart, ['streams']),
  partKind(outputsPart, ['streamOutputs']),
  partKind(followedPart, []),
  partKind(diskPart, ['disk']),
  partKind(memoryPart, ['memory']),
  partKind(heapPart, ['heap']),
  partKind(storePart, ['store']),
  partKind(storesPart, ['stores']),
  partKind(clockPart, ['clock']),
];

/** The status of a project that writes; a process that only reads has the shares of its own parts alone. */
export type ProjectStatus = Status &
  IngestStatus &
  ReadsStatus &
  BatchStatus &
  SkewStatus &
  TopicsStatus &
  TilesStatus &
  InferenceStatus &
  PythonStatus &
  RolloutsStatus &
  ProfilesStatus &
  MonitorsStatus &
  AlertsStatus &
  PlaybooksStatus &
  DiskStatus &
  MemoryStatus &
  HeapStatus &
  StoreStatus &
  StoresStatus &
  ClockStatus &
  StreamsStatus &
  OutputsStatus;
