import type { QueryOrder } from '../../../ports/registry-query.ts';
import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { accesses } from '../accesses.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { guardTags } from '../guarded-tags.ts';
import { LONGEST, paramsOf, tagsOf } from '../limits.ts';
import type { Message } from '../message.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf } from '../paging.ts';
import { listed, loggedModelMessage } from '../wire.ts';
import { folderAnswer } from './run-artifacts.ts';

const FINAL = ['LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED', 'LOGGED_MODEL_PENDING'] as const;

/** Routes of logged models, which clients from 3.0 write. */
export const loggedModelRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/logged-models', accesses.tracks, createModel),
  route('POST', '/mlflow/logged-models/search', accesses.reads, searchModels),
  route('GET', '/mlflow/logged-models/{id}', accesses.reads, async (context, { params: [id] }) =>
    modelAnswer(context, id),
  ),
  route('PATCH', '/mlflow/logged-models/{id}', accesses.tracks, async (context, { message, params: [id] }) => {
    const status = message.word('status', FINAL);
    if (status === undefined)
      throw invalid(
        "Missing value for required parameter 'status'. See the API docs for more information about request parameters.",
      );
    await context.registry.finishLoggedModel(id, status, context.clock());
    return modelAnswer(context, id);
  }),
  route('DELETE', '/mlflow/logged-models/{id}', accesses.tracks, async ({ registry, clock }, { params: [id] }) => {
    await registry.deleteLoggedModel(id, clock());
    return {};
  }),
  route('PATCH', '/mlflow/logged-models/{id}/tags', accesses.tagsRuns, async ({ registry, clock }, request) => {
    const [id] = request.params;
    const tags = tagsOf(request.message, LONGEST.runTag);
    guardTags(
      tags.map(({ key }) => key),
      request,
    );
    await registry.tagLoggedModel(id, tags, clock());
    return {};
  }),
  route('DELETE', '/mlflow/logged-models/{id}/tags/{key+}', accesses.tagsRuns, async ({ registry }, request) => {
    const [id, key] = request.params;
    guardTags([key], request);
    try {
      await registry.untagLoggedModel(id, key);
    } catch (error) {
      if (await registry.loggedModel(id)) throw absentTag(error, id, key);
      throw error;
    }
    return {};
  }),
  route(
    'POST',
    '/mlflow/logged-models/{id}/params',
    accesses.tracks,
    async ({ registry }, { message, params: [id] }) => {
      await registry.paramLoggedModel(id, paramsOf(message));
      return {};
    },
  ),
  route(
    'GET',
    '/mlflow/logged-models/{id}/artifacts/directories',
    accesses.reads,
    async ({ registry }, { message, params: [id] }) => {
      const model = await registry.loggedModel(id);
      if (model === null) throw absent(id);
      return {
        root_uri: model.artifactUri,
        ...(await folderAnswer(registry, model.artifactUri, message.text('artifact_directory_path'))),
      };
    },
  ),
];

function absent(id: string): MlflowFault {
  return new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Logged model with ID '${id}' not found.`);
}

function absentTag(error: unknown, id: string, key: string): unknown {
  const isTag = error instanceof Error && 'code' in error && error.code === 'REGISTRY_ABSENT';
  return isTag
    ? new MlflowFault('RESOURCE_DOES_NOT_EXIST', `No tag with key '${key}' found for model with ID '${id}'.`)
    : error;
}

async function modelAnswer({ registry }: MlflowContext, id: string) {
  const model = await registry.loggedModel(id);
  if (model === null) throw absent(id);
  return { model: loggedModelMessage(model) };
}

async function createModel({ registry, clock, randomHex }: MlflowContext, { message }: MlflowRequest) {
  const id = `m-${randomHex(16)}`;
  const name = message.text('name') || id.slice(0, 12);
  if (/[/:.%"']/.test(name))
    throw invalid(
      `Invalid model name ('${name}') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`,
    );
  const model = await registry.createLoggedModel({
    id,
    experiment: message.required('experiment_id'),
    name,
    modelType: message.text('model_type'),
    sourceRun: message.text('source_run_id'),
    params: paramsOf(message),
    tags: tagsOf(message, LONGEST.runTag),
    at: clock(),
  });
  return { model: loggedModelMessage(model) };
}

async function searchModels({ registry }: MlflowContext, { message }: MlflowRequest) {
  const experiments = message.texts('experiment_ids');
  if (experiments.length === 0) message.required('experiment_ids');
  const paging = pagingOf(message, { usual: 50, most: 1_000, isBound: true });
  const page = await registry.searchLoggedModels({
    ...paging,
    experiments,
    filter: parseFilter(filterTargets.loggedModels, message.text('filter')),
    order: message.messages('order_by').map(orderOf),
    datasets: message.messages('datasets').map((dataset) => ({
      name: dataset.required('dataset_name'),
      digest: dataset.maybeText('dataset_digest') ?? null,
    })),
  });
  return { ...listed('models', page.rows.map(loggedModelMessage)), ...nextToken(paging, page) };
}

function orderOf(message: Message): QueryOrder {
  const [order] = parseOrders(filterTargets.loggedModels, [message.required('field_name')]);
  const ascending = message.has('ascending') ? message.flag('ascending') : true;
  const name = message.text('dataset_name');
  if (name === '') return { ...order, ascending };
  if (order.field.of !== 'metric') throw invalid('dataset_name orders by a metric only');
  return {
    field: { ...order.field, dataset: { name, digest: message.maybeText('dataset_digest') ?? null } },
    ascending,
  };
}
