import type { ModelVersion } from '../../../ports/model-registry.ts';
import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { isProgram } from '../../../registry/foreign-version.ts';
import { manifestDigest } from '../../../registry/manifest-digest.ts';
import { downloadAddress } from '../../../registry/version-folder.ts';
import { checkSource } from '../../../registry/version-source.ts';
import { accesses } from '../accesses.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { guardVersionTag } from '../guarded-tags.ts';
import { atMost, checkKey, LONGEST, modelName, tagsOf, versionOf } from '../limits.ts';
import type { Message } from '../message.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf } from '../paging.ts';
import { originOf } from '../version-origin.ts';
import { listed, versionMessage } from '../wire.ts';
import { stageOf } from './registered-models.ts';

/** Stages whose earlier versions may be archived. */
const ACTIVE_STAGES = ['Staging', 'Production'];

/** Routes of versions of registered models. */
export const modelVersionRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/model-versions/create', accesses.registers, createVersion),
  route('GET', '/mlflow/model-versions/get', accesses.reads, (context, { message }) =>
    versionAnswer(context, modelName(message), versionOf(message)),
  ),
  route('PATCH', '/mlflow/model-versions/update', accesses.describes, async (context, { message }) => {
    const [name, version] = [modelName(message), versionOf(message)];
    await context.registry.describeVersion(name, version, message.text('description'), context.clock());
    return versionAnswer(context, name, version);
  }),
  route('DELETE', '/mlflow/model-versions/delete', accesses.promotes, async ({ registry, clock }, { message, who }) => {
    const change = { at: clock(), who, why: 'its version was deleted through MLflow' };
    await registry.deleteVersion(modelName(message), versionOf(message), change);
    return {};
  }),
  route('POST', '/mlflow/model-versions/transition-stage', accesses.promotes, transitionStage),
  route('GET', '/mlflow/model-versions/search', accesses.reads, searchVersions),
  route('POST', '/mlflow/model-versions/search', accesses.reads, searchVersions),
  route('GET', '/mlflow/model-versions/get-download-uri', accesses.reads, async ({ registry }, { message }) => {
    const [name, version] = [modelName(message), versionOf(message)];
    const record = await registry.versionRecord(name, version);
    if (record === null) throw absent(name, version);
    return { artifact_uri: await downloadAddress(registry, record) };
  }),
  route('POST', '/mlflow/model-versions/set-tag', accesses.tagsVersions, async ({ registry, clock }, request) => {
    const { message } = request;
    const [name, version] = [modelName(message), versionOf(message)];
    const key = checkKey('key', message.required('key'));
    const value = atMost('value', message.text('value'), LONGEST.registryTag);
    await guardVersionTag({ registry }, request, { model: name, version, key });
    await registry.tagVersion(name, version, { key, value }, clock());
    return {};
  }),
  route('DELETE', '/mlflow/model-versions/delete-tag', accesses.tagsVersions, async ({ registry, clock }, request) => {
    const { message } = request;
    const [name, version, key] = [modelName(message), versionOf(message), message.required('key')];
    await guardVersionTag({ registry }, request, { model: name, version, key });
    await registry.untagVersion(name, version, key, clock());
    return {};
  }),
];

function absent(name: string, version: number): MlflowFault {
  return new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Model Version (name=${name}, version=${version}) not found`);
}

async function versionAnswer({ registry }: Pick<MlflowContext, 'registry'>, name: string, version: number) {
  const record = await registry.versionRecord(name, version);
  if (record === null) throw absent(name, version);
  return { model_version: versionMessage(record) };
}

async function createVersion({ registry, artifacts, clock }: MlflowContext, { message, who, needs }: MlflowRequest) {
  const model = modelName(message);
  const given = message.required('source');
  const runOf = async (id: string) => (id === '' ? null : registry.run(id));
  const named = message.text('run_id');
  checkSource(given, (await runOf(named))?.info.artifactUri ?? null);
  const origin = await originOf(registry, given, message.text('model_id'));
  const run = named || origin.run;
  if (origin.trained !== null) return copyTrained({ registry, clock }, origin.trained, { model, message });
  const digest = manifestDigest(origin.files);
  if (await isProgram({ model, version: 0, files: origin.files, digest }, artifacts)) needs('code');
  const record = await registry.createVersion({
    model,
    source: origin.source,
    run,
    runLink: message.text('run_link'),
    loggedModel: origin.loggedModel,
    user: who === '' ? ((await runOf(run))?.info.user ?? '') : who,
    description: message.text('description'),
    tags: tagsOf(message, LONGEST.registryTag),
    files: origin.files,
    digest,
    at: clock(),
  });
  return { model_version: versionMessage(record) };
}

/** A copy of a version that a training job made keeps its signature, lineage and parity rows. */
async function copyTrained(
  { registry, clock }: Pick<MlflowContext, 'registry' | 'clock'>,
  trained: ModelVersion,
  { model, message }: { readonly model: string; readonly message: Message },
) {
  if ((await registry.model(model)) === null)
    throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Registered Model with name=${model} not found`);
  const at = clock();
  const { version: _version, ...made } = trained;
  const { version } = await registry.register({ ...made, model, createdAt: at });
  for (const tag of tagsOf(message, LONGEST.registryTag)) await registry.tagVersion(model, version, tag, at);
  if (message.has('description')) await registry.describeVersion(model, version, message.text('description'), at);
  return versionAnswer({ registry }, model, version);
}

async function transitionStage(context: MlflowContext, { message }: MlflowRequest) {
  const [name, version, stage] = [modelName(message), versionOf(message), stageOf(message.required('stage'))];
  const archiveOthers = message.flag('archive_existing_versions');
  if (archiveOthers && !ACTIVE_STAGES.includes(stage))
    throw invalid(
      `Model version transition cannot archive existing model versions because '${stage}' is not an Active stage. Valid stages are Staging, Production`,
    );
  await context.registry.stageVersion(name, version, { stage, archiveOthers, at: context.clock() });
  return versionAnswer(context, name, version);
}

async function searchVersions({ registry }: MlflowContext, { message }: MlflowRequest) {
  const paging = pagingOf(message, { usual: 10_000, most: 200_000 });
  const page = await registry.searchVersions({
    ...paging,
    filter: parseFilter(filterTargets.versions, message.text('filter')),
    order: parseOrders(filterTargets.versions, message.texts('order_by')),
  });
  return { ...listed('model_versions', page.rows.map(versionMessage)), ...nextToken(paging, page) };
}
