import type { ProjectData } from '../features/define/declaration.ts';
import type { ModelRegistry, VersionRecord } from '../ports/model-registry.ts';

/** The origin of a version, as far as it is known; null: nobody said. */
export interface VersionLineage {
  readonly declaration: string | null;
  /** `name@version` of the feature service. */
  readonly service: string | null;
  /** Digest of the training set. */
  readonly trainingSet: string | null;
  /** Revision of the code. */
  readonly code: string | null;
  readonly job: string | null;
  /** Digest of the profiles of its training set, by chunk; null: served vectors cannot be compared with it. */
  readonly reference: string | null;
  /** The decision of the playbook that ordered it. */
  readonly decision: string | null;
  /** Labelled rows of the training set. */
  readonly rows: number | null;
}

/** Tags of a version that other programs write; `mlflow.source.git.commit` of its run says the same as the code. */
export const LINEAGE_TAGS = {
  declaration: 'headrace.declaration',
  service: 'headrace.service',
  trainingSet: 'headrace.training_set',
  code: 'headrace.code',
  job: 'headrace.job',
  reference: 'headrace.reference',
  decision: 'headrace.decision',
  rows: 'headrace.training_rows',
} as const;

/** The lineage of a version: of a training job, or in its tags. */
export function lineageOf({ trained, tags }: VersionRecord): VersionLineage {
  const tag = (key: string) => tags.find((one) => one.key === key)?.value ?? null;
  const rows = tag(LINEAGE_TAGS.rows);
  return {
    declaration: trained?.lineage.declaration ?? tag(LINEAGE_TAGS.declaration),
    service: trained?.lineage.service ?? tag(LINEAGE_TAGS.service),
    trainingSet: trained?.lineage.trainingSet.digest ?? tag(LINEAGE_TAGS.trainingSet),
    code: tag(LINEAGE_TAGS.code),
    job: tag(LINEAGE_TAGS.job),
    reference: trained?.lineage.reference ?? tag(LINEAGE_TAGS.reference),
    decision: trained?.lineage.decision ?? tag(LINEAGE_TAGS.decision),
    rows: trained?.lineage.trainingSet.rows ?? (rows === null || !/^\d{1,15}$/.test(rows) ? null : Number(rows)),
  };
}

/** A version that reads a view through its service. */
export interface ReadingVersion {
  readonly model: string;
  readonly version: number;
  readonly service: string;
  readonly aliases: readonly string[];
}

const PAGE = 1_000;

/** The versions that read a view: those whose service looks something up in it. */
export async function versionsReading(
  project: ProjectData,
  registry: ModelRegistry,
  view: string,
): Promise<readonly ReadingVersion[]> {
  const services = new Set(
    project.services
      .filter(({ lookups }) => lookups.some((lookup) => lookup.view.name === view))
      .map(({ name, version }) => `${name}@${version}`),
  );
  const found: ReadingVersion[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const page = await registry.searchVersions({ filter: [], order: [], offset, limit: PAGE });
    for (const record of page.rows) {
      const { service } = lineageOf(record);
      if (service === null || !services.has(service)) continue;
      found.push({ model: record.model, version: record.version, service, aliases: record.aliases });
    }
    if (!page.more) return found;
  }
}
