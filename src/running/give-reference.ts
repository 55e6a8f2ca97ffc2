import { fail } from '../base/errors/fail.ts';
import type { Clock } from '../base/time.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { ROW_AT } from '../featurestore/training-set/training-set.ts';
import { fileDigest } from '../files/file-digest.ts';
import { buildReference, encodeReference } from '../monitoring/monitor/reference.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import { LINEAGE_TAGS } from '../registry/lineage.ts';
import { mustRecord } from '../registry/must-record.ts';
import { oneChunk, storeContent } from '../registry/store-content.ts';
import { openTableFile } from '../site/table-files.ts';

/** A version, and the file of rows that it learnt from. */
export interface LearntFrom {
  readonly model: string;
  readonly version: number;
  readonly path: string;
}

interface Place {
  readonly project: ProjectData;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
}

/** The reference that a version got. */
export interface GivenReference {
  readonly model: string;
  readonly version: number;
  readonly rows: number;
  /** Columns of the file that are features of the model's service. */
  readonly features: number;
  readonly reference: string;
}

/**
 * Profiles the training set of a version and tags the version with it, so that its monitors compare served vectors with the set.
 * Errors: MODEL_UNKNOWN, REGISTRY_VERSION, TRAINING_DATA, those of the file and of the stores.
 */
export async function giveReference(
  { project, registry, artifacts, clock }: Place,
  { model, version, path }: LearntFrom,
): Promise<GivenReference> {
  const declared = project.models.find(({ name }) => name === model);
  if (declared === undefined) throw fail('MODEL_UNKNOWN', { model, known: project.models.map(({ name }) => name) });
  await mustRecord(registry, model, version);
  const names = declared.service.features.map(({ name }) => name);
  const table = await openTableFile(path);
  try {
    const features = table.columns.filter(({ name }) => names.includes(name)).length;
    if (features === 0)
      throw fail('TRAINING_DATA', { path, reason: 'it has no column that is a feature of the model' });
    const { rows } = table;
    if (rows === 0) throw fail('TRAINING_DATA', { path, reason: 'it has no rows' });
    // The instants of a training set, where the file is one: other columns of time have units of their own.
    const time = table.columns.some(({ name, type }) => name === ROW_AT && type === 'number') ? ROW_AT : null;
    const bytes = encodeReference(await buildReference(table, names, { time, createdAt: clock() }));
    const { digest: reference } = await storeContent({ registry, artifacts }, oneChunk(bytes), clock());
    const tags = {
      [LINEAGE_TAGS.reference]: reference,
      [LINEAGE_TAGS.trainingSet]: await fileDigest(path),
      [LINEAGE_TAGS.rows]: String(rows),
    };
    for (const [key, value] of Object.entries(tags)) await registry.tagVersion(model, version, { key, value }, clock());
    return { model, version, rows, features, reference };
  } finally {
    await table.close();
  }
}
