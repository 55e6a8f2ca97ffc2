import type { DatasetInput, RunMetric } from '../../../ports/tracking-store.ts';
import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { runName } from '../../../registry/run-name.ts';
import { accesses } from '../accesses.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { guardTags } from '../guarded-tags.ts';
import { checkKey, LONGEST, paramOf, paramsOf, tagOf, tagsOf } from '../limits.ts';
import { type Message, wrong } from '../message.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf, viewOf } from '../paging.ts';
import { infoMessage, listed, runMessage } from '../wire.ts';

const STATUSES = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const;
const NAME_TAG = 'mlflow.runName';
const HISTORY_TAG = 'mlflow.log-model.history';

/** Routes of runs; metrics and artefacts have files of their own. */
export const runRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/runs/create', accesses.tracks, createRun),
  route('GET', '/mlflow/runs/get', accesses.reads, async ({ registry }, { message }) => {
    const id = runId(message);
    const run = await registry.run(id);
    if (run === null) throw absentRun(id);
    return { run: runMessage(run) };
  }),
  route('POST', '/mlflow/runs/update', accesses.tracks, async ({ registry }, { message }) => {
    const info = await registry.updateRun(runId(message), {
      status: message.word('status', STATUSES),
      endedAt: message.whole('end_time'),
      name: message.text('run_name') === '' ? undefined : message.text('run_name'),
    });
    return { run_info: infoMessage(info) };
  }),
  route('POST', '/mlflow/runs/delete', accesses.tracks, async ({ registry, clock }, { message }) => {
    await registry.stageRun(runId(message), 'deleted', clock());
    return {};
  }),
  route('POST', '/mlflow/runs/restore', accesses.tracks, async ({ registry, clock }, { message }) => {
    await registry.stageRun(runId(message), 'active', clock());
    return {};
  }),
  route('POST', '/mlflow/runs/log-metric', accesses.logs, async ({ registry }, { message }) => {
    await registry.logBatch(runId(message), { metrics: [metricOf(message)], params: [], tags: [] });
    return {};
  }),
  route('POST', '/mlflow/runs/log-parameter', accesses.logs, async ({ registry }, { message }) => {
    await registry.logBatch(runId(message), { metrics: [], params: [paramOf(message)], tags: [] });
    return {};
  }),
  route('POST', '/mlflow/runs/set-tag', accesses.tagsValues, async ({ registry }, request) => {
    const tag = tagOf(request.message, LONGEST.runTag);
    guardTags([tag.key], request);
    await registry.logBatch(runId(request.message), { metrics: [], params: [], tags: [tag] });
    return {};
  }),
  route('POST', '/mlflow/runs/delete-tag', accesses.tagsValues, async ({ registry }, request) => {
    const key = request.message.required('key');
    guardTags([key], request);
    await registry.deleteRunTag(runId(request.message), key);
    return {};
  }),
  route('POST', '/mlflow/runs/log-batch', accesses.tagsValues, async ({ registry }, request) => {
    const batch = batchOf(request.message);
    guardTags(
      batch.tags.map(({ key }) => key),
      request,
    );
    await registry.logBatch(runId(request.message), batch);
    return {};
  }),
  route('POST', '/mlflow/runs/log-model', accesses.logs, logModel),
  route('POST', '/mlflow/runs/log-inputs', accesses.logs, async ({ registry }, { message }) => {
    const models = message.messages('models').map((model) => model.required('model_id'));
    await registry.logInputs(runId(message), message.messages('datasets').map(datasetOf), models);
    return {};
  }),
  route('POST', '/mlflow/runs/outputs', accesses.logs, async ({ registry }, { message }) => {
    const models = message
      .messages('models')
      .map((model) => ({ modelId: model.required('model_id'), step: model.whole('step') ?? 0 }));
    await registry.logOutputs(runId(message), models);
    return {};
  }),
  route('POST', '/mlflow/runs/search', accesses.reads, async ({ registry }, { message }) => {
    const paging = pagingOf(message, { usual: 1_000, most: 50_000 });
    const page = await registry.searchRuns({
      ...paging,
      experiments: message.texts('experiment_ids'),
      filter: parseFilter(filterTargets.runs, message.text('filter')),
      order: parseOrders(filterTargets.runs, message.texts('order_by')),
      view: viewOf(message, 'run_view_type'),
    });
    return { ...listed('runs', page.rows.map(runMessage)), ...nextToken(paging, page) };
  }),
];

/** The run that a request names; old clients call it `run_uuid`. */
export function runId(message: Message): string {
  const id = message.text('run_id') || message.text('run_uuid');
  if (id === '') return message.required('run_id');
  if (!/^[a-zA-Z0-9][\w-]{0,255}$/.test(id)) throw invalid(`Invalid run ID: '${id}'`);
  return id;
}

export function absentRun(id: string): MlflowFault {
  return new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Run with id=${id} not found`);
}

async function createRun({ registry, clock, randomHex }: MlflowContext, { message }: MlflowRequest) {
  const tags = tagsOf(message, LONGEST.runTag);
  const tagged = tags.find(({ key }) => key === NAME_TAG)?.value ?? '';
  const given = message.text('run_name');
  if (given !== '' && tagged !== '' && given !== tagged)
    throw invalid(
      `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${given}', mlflow.runName='${tagged}').`,
    );
  const id = randomHex(16);
  const name = given || tagged || runName(id);
  const run = await registry.createRun({
    id,
    experiment: message.text('experiment_id') || '0',
    name,
    user: message.text('user_id'),
    startedAt: message.whole('start_time') ?? clock(),
    tags: [...tags.filter(({ key }) => key !== NAME_TAG), { key: NAME_TAG, value: name }],
  });
  const { outputs: _none, ...made } = runMessage(run);
  return { run: made };
}

function metricOf(message: Message): RunMetric {
  return {
    key: checkKey('key', message.text('key')),
    value: message.real('value'),
    at: message.requiredWhole('timestamp'),
    step: message.whole('step') ?? 0,
    modelId: message.maybeText('model_id'),
    datasetName: message.maybeText('dataset_name'),
    datasetDigest: message.maybeText('dataset_digest'),
  };
}

const MOST = { metrics: 1_000, params: 100, tags: 100 } as const;
const MOST_TOGETHER = 1_000;

function batchOf(message: Message) {
  const lists = {
    metrics: message.messages('metrics'),
    params: message.messages('params'),
    tags: message.messages('tags'),
  };
  for (const name of ['metrics', 'params', 'tags'] as const)
    if (lists[name].length > MOST[name])
      throw invalid(
        `A batch logging request can contain at most ${MOST[name]} ${name}. Got ${lists[name].length} ${name}. Please split up ${name} across multiple requests and try again.`,
      );
  const together = lists.metrics.length + lists.params.length + lists.tags.length;
  if (together > MOST_TOGETHER)
    throw invalid(
      `A batch logging request can contain at most ${MOST_TOGETHER} metrics, params and tags in total. Got ${together}.`,
    );
  const params = paramsOf(message);
  return { metrics: lists.metrics.map(metricOf), params, tags: lists.tags.map((tag) => tagOf(tag, LONGEST.runTag)) };
}

/** The model records of 2.x clients: kept in a tag, as MLflow does. */
async function logModel({ registry }: MlflowContext, { message }: MlflowRequest) {
  const id = runId(message);
  const text = message.required('model_json');
  const model = parsedModel(text);
  const missing = ['artifact_path', 'flavors', 'utc_time_created', 'run_id'].filter(
    (key) => !Object.hasOwn(model, key),
  );
  if (missing.length > 0) throw invalid(`Model json is missing mandatory fields: ${missing.join(', ')}`);
  await registry.logBatch(id, {
    metrics: [],
    params: [],
    tags: [],
    appended: [{ key: HISTORY_TAG, value: JSON.stringify(model) }],
  });
  return {};
}

function parsedModel(text: string): object {
  let model: unknown;
  try {
    model = JSON.parse(text);
  } catch {
    throw invalid(`Malformed model info. \n '${text.slice(0, 200)}' is not JSON`);
  }
  if (typeof model !== 'object' || model === null || Array.isArray(model))
    throw wrong('model_json', model, 'it is not an object');
  return model;
}

function datasetOf(message: Message): DatasetInput {
  const dataset = message.message('dataset');
  return {
    name: dataset.required('name'),
    digest: dataset.required('digest'),
    sourceType: dataset.text('source_type'),
    source: dataset.text('source'),
    schema: dataset.maybeText('schema') ?? null,
    profile: dataset.maybeText('profile') ?? null,
    tags: tagsOf(message, LONGEST.runTag),
  };
}
