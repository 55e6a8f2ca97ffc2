import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { manifestDigest } from '../../../registry/manifest-digest.ts';
import { checkSource, filesOfSource } from '../../../registry/version-source.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { atMost, LONGEST, modelName, tagsOf, versionOf } from '../limits.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf } from '../paging.ts';
import { listed, sourceOf, versionMessage } from '../wire.ts';
import { stageOf } from './registered-models.ts';

/** Stages whose earlier versions may be archived. */
const ACTIVE_STAGES = ['Staging', 'Production'];

/** Routes of versions of registered models. */
export const modelVersionRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/model-versions/create', 'write', createVersion),
  route('GET', '/mlflow/model-versions/get', 'read', (context, { message }) =>
    versionAnswer(context, modelName(message), versionOf(message)),
  ),
  route('PATCH', '/mlflow/model-versions/update', 'write', async (context, { message }) => {
    const [name, version] = [modelName(message), versionOf(message)];
    await context.registry.describeVersion(name, version, message.text('description'), context.clock());
    return versionAnswer(context, name, version);
  }),
  route('DELETE', '/mlflow/model-versions/delete', 'promote', async ({ registry, clock }, { message }) => {
    await registry.deleteVersion(modelName(message), versionOf(message), clock());
    return {};
  }),
  route('POST', '/mlflow/model-versions/transition-stage', 'promote', transitionStage),
  route('GET', '/mlflow/model-versions/search', 'read', searchVersions),
  route('POST', '/mlflow/model-versions/search', 'read', searchVersions),
  route('GET', '/mlflow/model-versions/get-download-uri', 'read', async ({ registry }, { message }) => {
    const [name, version] = [modelName(message), versionOf(message)];
    const record = await registry.versionRecord(name, version);
    if (record === null) throw absent(name, version);
    const loggedId = loggedModelId(sourceOf(record));
    const logged = loggedId === null ? null : await registry.loggedModel(loggedId);
    return { artifact_uri: logged?.artifactUri ?? sourceOf(record) };
  }),
  route('POST', '/mlflow/model-versions/set-tag', 'write', async ({ registry, clock }, { message }) => {
    const [name, version] = [modelName(message), versionOf(message)];
    const key = atMost('key', message.required('key'), LONGEST.key);
    const value = atMost('value', message.text('value'), LONGEST.registryTag);
    await registry.tagVersion(name, version, { key, value }, clock());
    return {};
  }),
  route('DELETE', '/mlflow/model-versions/delete-tag', 'write', async ({ registry, clock }, { message }) => {
    const [name, version, key] = [modelName(message), versionOf(message), message.required('key')];
    await registry.untagVersion(name, version, key, clock());
    return {};
  }),
];

function absent(name: string, version: number): MlflowFault {
  return new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Model Version (name=${name}, version=${version}) not found`);
}

async function versionAnswer({ registry }: MlflowContext, name: string, version: number) {
  const record = await registry.versionRecord(name, version);
  if (record === null) throw absent(name, version);
  return { model_version: versionMessage(record) };
}

/** The logged model that an address such as `models:/m-0123…` names. */
function loggedModelId(source: string): string | null {
  return /^models:\/+(m-[0-9a-f]{32})$/.exec(source)?.[1] ?? null;
}

async function createVersion({ registry, clock }: MlflowContext, { message, who }: MlflowRequest) {
  const model = modelName(message);
  const given = message.required('source');
  const run = message.text('run_id') === '' ? null : await registry.run(message.text('run_id'));
  checkSource(given, run?.info.artifactUri ?? null);
  const loggedId = message.text('model_id') || loggedModelId(given) || '';
  const logged = loggedId === '' ? null : await registry.loggedModel(loggedId);
  if (loggedId !== '' && logged === null)
    throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Logged model with ID '${loggedId}' not found.`);
  const source = loggedModelId(given) === null ? given : (logged?.artifactUri ?? given);
  const files = await filesOfSource(registry, source);
  const record = await registry.createVersion({
    model,
    source,
    run: message.text('run_id'),
    runLink: message.text('run_link'),
    loggedModel: loggedId,
    user: who === '' ? (run?.info.user ?? '') : who,
    description: message.text('description'),
    tags: tagsOf(message, LONGEST.registryTag),
    files,
    digest: manifestDigest(files),
    at: clock(),
  });
  return { model_version: versionMessage(record) };
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
