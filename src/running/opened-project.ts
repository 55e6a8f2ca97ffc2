import type { Clock } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import type { SchemaTexts } from '../features/change/source-schemas.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { DiskBudget } from '../featurestore/disk/disk-budget.ts';
import type { FeatureStore } from '../featurestore/feature-store.ts';
import type { AppendOutcome } from '../featurestore/ingest/append-outcome.ts';
import type { RowsOf } from '../featurestore/ingest/source-rows.ts';
import type { TopicIntakes } from '../featurestore/ingest/topic-intakes.ts';
import type { ProjectLabels } from '../monitoring/labels/project-labels.ts';
import type { ProjectPlaybooks } from '../playbook/project-playbooks.ts';
import type { Part } from '../ports/part.ts';
import type { ProjectModels } from '../serving/models/project-models.ts';
import type { ModelHost } from '../serving/oip/model-host.ts';
import type { Pipelines } from '../serving/online/predict-pipeline.ts';
import type { ProjectStreams } from '../serving/streaming/project-streams.ts';
import type { Site, SiteStores } from '../site/site.ts';
import type { TrainingRuns } from '../training/training-runs.ts';
import type { RegisteredVersions } from '../versions/cache/registered-versions.ts';
import type { Forgetting } from './forgetting.ts';
import type { ProjectProfiles } from './project-profiles.ts';

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
export const PROJECT_STORES = [
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

type ProjectStores = SiteStores<(typeof PROJECT_STORES)[number]>;

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

/** Opened before the products. */
export interface Opened {
  readonly site: Site;
  readonly stores: ProjectStores;
  readonly disk: DiskBudget;
  readonly schemas: SchemaTexts;
  /** Bounds the heap from the start. */
  readonly heap: Part;
}

/** Writes everything that the parts accepted to every store. */
export async function flushParts(parts: readonly Part[]): Promise<void> {
  for (const part of parts) await part.flush();
}
