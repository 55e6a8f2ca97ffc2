import { fail } from '../base/errors/fail.ts';
import { fileDigest } from '../files/file-digest.ts';
import { modelInputs } from '../model/model-inputs.ts';
import { MODEL_ENCODING } from '../model/model-value.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../ports/model-registry.ts';
import { LINEAGE_TAGS } from '../registry/lineage.ts';
import { loggedVersion } from '../registry/logged-version.ts';
import { signatureColumns } from '../registry/mlmodel.ts';
import { runOfVersion } from '../registry/run-of-version.ts';
import { oneChunk, storeContent } from '../registry/store-content.ts';
import { declaredCommand } from './job/declared-command.ts';
import { runJobProgram } from './job/run-job.ts';
import { jobOf } from './job/training-job.ts';
import type { TrainModelOptions } from './train-model.ts';

/** Newest versions among which that of a job is looked for. */
const MOST_VERSIONS = 100;

/**
 * Trains by a program that logs its version itself, with a client of MLflow. The client reads the lineage from MLFLOW_RUN_CONTEXT and
 * puts it on its run as tags. From there it comes to the version. Errors: TRAINING_TRACKING, TRAINING_UNLOGGED, TRAINING_RESULT,
 * JOB_CANCELLED, those of the job and of the stores.
 */
export async function trainLogged(options: TrainModelOptions): Promise<ModelVersion> {
  const { model, trainingSet, directory, registry, artifacts, clock, tracking } = options;
  const { kind, command: declared } = model.train.with;
  const command = declaredCommand(declared);
  if (command === null)
    throw fail('TRAINING_KIND', { kind: `${kind} without a command`, known: ['command', 'mlflow'] });
  if (tracking === null) throw fail('TRAINING_TRACKING', { model: model.name });
  const { path } = trainingSet;
  const digest = await fileDigest(path);
  const names = model.service.features.map((feature) => feature.name);
  const reference = await options.profile?.(path, names);
  const keep = async () =>
    reference === undefined ? null : (await storeContent({ registry, artifacts }, oneChunk(reference), clock())).digest;
  const tags = lineageTags(options, { digest, reference: await keep() });
  const { restarts = 0 } = options.limits;
  await runJobProgram({
    command,
    directory,
    job: jobOf(model, path),
    limits: { ...options.limits, restarts },
    open: options.openRun,
    environment: {
      MLFLOW_EXPERIMENT_NAME: model.name,
      MLFLOW_TRACKING_URI: tracking,
      MLFLOW_RUN_CONTEXT: JSON.stringify(tags),
      HEADRACE_MODEL: model.name,
      HEADRACE_TRAINING_SET: path,
    },
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if ((await fileDigest(path)) !== digest)
    throw fail('TRAINING_DATA', { path, reason: 'it changed while the program trained' });
  if (options.signal?.aborted === true) throw fail('JOB_CANCELLED', { job: `train ${model.name}` });
  const job = tags[LINEAGE_TAGS.job];
  const record = await loggedWith(registry, model.name, { key: LINEAGE_TAGS.job, value: job });
  if (record === null) throw fail('TRAINING_UNLOGGED', { model: model.name, job });
  // The claim of a long training may be over.
  await keep();
  return adoptLogged(options, record, tags);
}

function lineageTags(
  { model, trainingSet, declaration, directory, decision }: TrainModelOptions,
  { digest, reference }: { readonly digest: string; readonly reference: string | null },
): Readonly<Record<string, string>> {
  return {
    [LINEAGE_TAGS.declaration]: declaration,
    [LINEAGE_TAGS.service]: `${model.service.name}@${model.service.version}`,
    [LINEAGE_TAGS.trainingSet]: digest,
    [LINEAGE_TAGS.rows]: String(trainingSet.rows),
    [LINEAGE_TAGS.job]: directory.split(/[\\/]/).at(-1) ?? directory,
    ...(reference === null ? {} : { [LINEAGE_TAGS.reference]: reference }),
    ...(decision === undefined ? {} : { [LINEAGE_TAGS.decision]: decision }),
  };
}

/** The newest version of a model that has a tag, or whose run has it; null: there is none. */
export async function loggedWith(
  registry: ModelRegistry,
  model: string,
  tag: { readonly key: string; readonly value: string },
): Promise<VersionRecord | null> {
  const has = ({ tags }: Pick<VersionRecord, 'tags'>) =>
    tags.some(({ key, value }) => key === tag.key && value === tag.value);
  const newest = (await registry.versionNumbers(model)).slice(-MOST_VERSIONS).reverse();
  for (const number of newest) {
    const record = await registry.versionRecord(model, number);
    if (record === null || record.trained !== null) continue;
    if (has(record)) return record;
    const run = await runOfVersion(registry, record);
    if (run !== null && has(run)) return record;
  }
  return null;
}

/**
 * Gives a logged version the lineage of its job: the tags that it does not have yet. `tags` without those of the job: those of its run.
 * Error: TRAINING_RESULT, where it reads a column that is no feature of the job.
 */
export async function adoptLogged(
  { model, registry, artifacts, clock }: Pick<TrainModelOptions, 'model' | 'registry' | 'artifacts' | 'clock'>,
  record: VersionRecord,
  tags?: Readonly<Record<string, string>>,
): Promise<ModelVersion> {
  const { version } = record;
  const run = await runOfVersion(registry, record);
  const features = (await signatureColumns(record.files, artifacts)) ?? [];
  const known = new Set(modelInputs(model.service).map(({ name }) => name));
  const unknown = features.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw fail('TRAINING_RESULT', { reason: `input "${unknown}" of version ${version} is no feature of the job` });
  const tagged = new Set(record.tags.map(({ key }) => key));
  for (const [key, value] of Object.entries(tags ?? ownTags(run?.tags ?? [])))
    if (!tagged.has(key)) await registry.tagVersion(model.name, version, { key, value }, clock());
  const now = (await registry.versionRecord(model.name, version)) ?? record;
  const metrics = (run?.metrics ?? []).filter(({ value }) => Number.isFinite(value));
  return loggedVersion(
    now,
    { features, input: '', output: '', encoding: MODEL_ENCODING },
    Object.fromEntries(metrics.map(({ key, value }) => [key, value])),
  );
}

function ownTags(tags: readonly { readonly key: string; readonly value: string }[]): Readonly<Record<string, string>> {
  const lineage: readonly string[] = Object.values(LINEAGE_TAGS);
  return Object.fromEntries(tags.filter(({ key }) => lineage.includes(key)).map(({ key, value }) => [key, value]));
}
