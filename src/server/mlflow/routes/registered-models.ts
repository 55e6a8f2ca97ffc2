import type { VersionStage } from '../../../ports/model-registry.ts';
import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { accesses } from '../accesses.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { guardTags } from '../guarded-tags.ts';
import { aliasOf, atMost, checkKey, LONGEST, modelName, tagsOf, versionOf } from '../limits.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf } from '../paging.ts';
import { listed, modelMessage, versionMessage } from '../wire.ts';

const STAGES: readonly VersionStage[] = ['None', 'Staging', 'Production', 'Archived'];

/** Routes of registered models and their aliases. */
export const registeredModelRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/registered-models/create', accesses.describes, async ({ registry, clock }, { message }) => {
    const model = await registry.createModel({
      name: modelName(message),
      description: message.text('description'),
      tags: tagsOf(message, LONGEST.registryTag),
      at: clock(),
    });
    return { registered_model: modelMessage(model) };
  }),
  route('GET', '/mlflow/registered-models/get', accesses.reads, (context, { message }) =>
    modelAnswer(context, modelName(message)),
  ),
  route('PATCH', '/mlflow/registered-models/update', accesses.describes, async (context, { message }) => {
    const name = modelName(message);
    await context.registry.describeModel(name, message.text('description'), context.clock());
    return modelAnswer(context, name);
  }),
  route('POST', '/mlflow/registered-models/rename', accesses.promotes, async (context, { message }) => {
    const to = modelName(message, 'new_name');
    await context.registry.renameModel(modelName(message), to, context.clock());
    return modelAnswer(context, to);
  }),
  route('DELETE', '/mlflow/registered-models/delete', accesses.promotes, async ({ registry }, { message }) => {
    await registry.deleteModel(modelName(message));
    return {};
  }),
  route('GET', '/mlflow/registered-models/search', accesses.reads, searchModels),
  route('POST', '/mlflow/registered-models/search', accesses.reads, searchModels),
  route('POST', '/mlflow/registered-models/get-latest-versions', accesses.reads, latestVersions),
  route('GET', '/mlflow/registered-models/get-latest-versions', accesses.reads, latestVersions),
  route('POST', '/mlflow/registered-models/set-tag', accesses.tagsVersions, async ({ registry }, request) => {
    const { message } = request;
    const value = atMost('value', message.text('value'), LONGEST.registryTag);
    const key = checkKey('key', message.required('key'));
    guardTags([key], request);
    await registry.tagModel(modelName(message), { key, value });
    return {};
  }),
  route('DELETE', '/mlflow/registered-models/delete-tag', accesses.tagsVersions, async ({ registry }, request) => {
    const key = request.message.required('key');
    guardTags([key], request);
    await registry.untagModel(modelName(request.message), key);
    return {};
  }),
  route('POST', '/mlflow/registered-models/alias', accesses.promotes, setAlias),
  route('DELETE', '/mlflow/registered-models/alias', accesses.promotes, deleteAlias),
  route('GET', '/mlflow/registered-models/alias', accesses.reads, aliasVersion),
];

/** The stage that a client names, in any case. */
export function stageOf(text: string): VersionStage {
  const stage = STAGES.find((one) => one.toLowerCase() === text.toLowerCase());
  if (stage === undefined)
    throw invalid(`Invalid Model Version stage: ${text}. Value must be one of ${STAGES.join(', ')}.`);
  return stage;
}

async function modelAnswer({ registry }: MlflowContext, name: string) {
  const model = await registry.model(name);
  if (model === null) throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Registered Model with name=${name} not found`);
  return { registered_model: modelMessage(model) };
}

async function searchModels({ registry }: MlflowContext, { message }: MlflowRequest) {
  const paging = pagingOf(message, { usual: 100, most: 1_000 });
  const page = await registry.searchModels({
    ...paging,
    filter: parseFilter(filterTargets.models, message.text('filter')),
    order: parseOrders(filterTargets.models, message.texts('order_by')),
  });
  return { ...listed('registered_models', page.rows.map(modelMessage)), ...nextToken(paging, page) };
}

async function latestVersions({ registry }: MlflowContext, { message }: MlflowRequest) {
  const stages = message.texts('stages').map(stageOf);
  const versions = await registry.latestVersions(modelName(message), stages.length === 0 ? STAGES : stages);
  return listed('model_versions', versions.map(versionMessage));
}

/** An alias without gates goes to whoever sets it last; one with gates is compared and swapped. */
async function setAlias({ registry, clock, checkPromotion }: MlflowContext, { message, who }: MlflowRequest) {
  const [name, alias, version] = [modelName(message), aliasOf(message), versionOf(message)];
  if ((await registry.model(name)) === null)
    throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Registered Model with name=${name} not found`);
  const record = await registry.versionRecord(name, version);
  if (record !== null && alias === 'champion') await checkPromotion?.(name, version);
  const isGated = (await registry.gates(name)).some((gate) => gate.alias === alias);
  const expected = isGated ? await registry.alias(name, alias) : ('any' as const);
  await registry.moveAlias(name, alias, { expected, to: version, at: clock(), who, why: 'set through MLflow' });
  return {};
}

async function deleteAlias({ registry, clock }: MlflowContext, { message, who }: MlflowRequest) {
  const [name, alias] = [modelName(message), message.required('alias')];
  const found = await registry.alias(name, alias);
  if (found === null) return {};
  await registry.moveAlias(name, alias, { expected: found, to: null, at: clock(), who, why: 'removed through MLflow' });
  return {};
}

async function aliasVersion({ registry }: MlflowContext, { message }: MlflowRequest) {
  const [name, alias] = [modelName(message), message.required('alias')];
  const version = alias.toLowerCase() === 'latest' ? await newest(registry, name) : await registry.alias(name, alias);
  if (version === null) {
    if ((await registry.model(name)) === null)
      throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Registered Model with name=${name} not found`);
    throw invalid(`Registered model alias ${alias} not found.`);
  }
  const record = await registry.versionRecord(name, version);
  if (record === null) throw invalid(`Registered model alias ${alias} not found.`);
  return { model_version: versionMessage(record) };
}

async function newest(registry: MlflowContext['registry'], name: string): Promise<number | null> {
  const model = await registry.model(name);
  return model === null || model.latest.length === 0 ? null : Math.max(...model.latest.map(({ version }) => version));
}
