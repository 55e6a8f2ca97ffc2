import type { EventSourceData, ModelData, ProjectData } from '../../features/define/declaration.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { RolloutStore } from '../../ports/rollout-store.ts';
import type { ListedVersion } from '../../registry/listed-versions.ts';
import type { PredictionRequest } from '../../serving/online/predict-many.ts';
import type { RolloutControl } from '../../serving/rollout/rollout-control.ts';
import type { Playbook } from '../playbook.ts';
import type { Replay } from '../replay.ts';

/** The calls of a running project that a replay makes. */
export interface ReplayedHeadrace {
  readonly directory: string;
  ingest(source: EventSourceData, events: readonly unknown[]): Promise<unknown>;
  predictMany(model: ModelData, requests: readonly PredictionRequest[]): Promise<unknown>;
  train(model: ModelData, options: { readonly to: number }): Promise<ModelVersion>;
  promote(model: ModelData, version: number): Promise<void>;
  versions(
    model: ModelData,
  ): Promise<{ readonly versions: readonly ListedVersion[]; readonly champion: number | null }>;
  rollout(model: ModelData): RolloutControl;
  playbook(model: ModelData): Playbook;
  replayPlaybook(model: ModelData, options: { readonly history: boolean }): Promise<Replay>;
  tick(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A running project, and the stores of it that a replay reads and writes. */
export interface ReplayedProject {
  readonly headrace: ReplayedHeadrace;
  readonly stores: {
    readonly registry: ModelRegistry;
    readonly artifacts: ArtifactStore;
    readonly rollouts: RolloutStore;
    readonly offline: OfflineStore;
  };
}

/** Opens a project in a folder, by a clock of the replay, so that the same calls give the same figures. */
export type OpenReplayed = (place: {
  readonly project: ProjectData;
  readonly directory: string;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}) => Promise<ReplayedProject>;
