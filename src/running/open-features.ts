import { tilesApart } from '../environment/config.ts';
import { beyondLeastQueue } from '../environment/memory-shares.ts';
import type { ViewScorer } from '../featurestore/batch/scored-view.ts';
import { FeatureStore } from '../featurestore/feature-store.ts';
import type { SampleRoom } from '../featurestore/skew/sampled-rows.ts';
import type { QueueReport } from '../observe/queue-report.ts';
import type { StreamOutputs } from '../serving/streaming/outputs/stream-outputs.ts';
import { historyScratch } from '../site/history-files.ts';
import type { Opened, OpenProject, ProjectPlace } from './opened-project.ts';

/** Opens the feature store of a project: the log judged, tiles made, both stores written. Errors: those of the stores. */
export function openFeatures(
  { project, environment, clock, onFault }: ProjectPlace,
  { stores, disk, schemas }: Opened,
  {
    models,
    labels,
    streams,
    outputs,
    profiles,
    scorer,
    sampled,
  }: Pick<OpenProject, 'models' | 'labels' | 'streams' | 'profiles'> & {
    readonly outputs: StreamOutputs;
    readonly scorer: ViewScorer;
    readonly sampled: SampleRoom;
  },
): Promise<FeatureStore> {
  const { log, online, offline, topics, engine, traces } = stores;
  const { partitions, memoryBytes, sampleRate } = environment;
  return FeatureStore.open({
    project,
    schemas,
    log,
    online,
    offline,
    topics: topics ?? undefined,
    engine: engine ?? undefined,
    apart: tilesApart(environment),
    partitions,
    memoryBytes,
    alsoInMemory: () => ({ labels: labels.memoryBytes, predictions: beyondLeastQueue(sumBytes(models.queues())) }),
    otherQueues: () => models.queues(),
    historyMemoryBytes: environment.offline.memory,
    scratch: historyScratch(environment),
    sampleRate,
    sampled,
    clock,
    disk,
    retention: {
      logAgeMs: environment.log.ageMs,
      logBytes: environment.log.bytes,
      historyBytes: environment.offline.bytes,
    },
    profiles: profiles.vectors,
    drainFed: () => models.drainFed(),
    sinks: [labels],
    scorer,
    otherTopics: [...models.topics(), ...streams.topics(outputs.held()), ...profiles.topics()],
    otherReaders: [...streams.readers(), ...outputs.readers()],
    onComputeError: (_, error) => onFault(error),
    onFault,
    tracer: traces?.tracer ?? null,
  });
}

function sumBytes(queues: readonly QueueReport[]): number {
  return queues.reduce((sum, { bytes }) => sum + bytes, 0);
}
