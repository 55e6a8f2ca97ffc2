import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { accesses } from '../accesses.ts';
import { invalid, MlflowFault } from '../fault.ts';
import { guardTags } from '../guarded-tags.ts';
import { atMost, LONGEST, requiredName, tagOf, tagsOf } from '../limits.ts';
import type { Message } from '../message.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf, viewOf } from '../paging.ts';
import { experimentMessage, listed } from '../wire.ts';

/** Routes of experiments. */
export const experimentRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/experiments/create', accesses.tracks, async ({ registry, clock }, { message }) => ({
    experiment_id: await registry.createExperiment({
      name: atMost('name', requiredName(message, 'name'), LONGEST.experimentName),
      artifactLocation: locationOf(message),
      tags: tagsOf(message, LONGEST.experimentTag),
      at: clock(),
    }),
  })),
  route('GET', '/mlflow/experiments/get', accesses.reads, async ({ registry }, { message }) => {
    const id = message.required('experiment_id');
    const experiment = await registry.experiment(id);
    if (experiment === null) throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `No Experiment with id=${id} exists`);
    return { experiment: experimentMessage(experiment) };
  }),
  route('GET', '/mlflow/experiments/get-by-name', accesses.reads, async ({ registry }, { message }) => {
    const name = message.required('experiment_name');
    const experiment = await registry.experimentByName(name);
    if (experiment === null)
      throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Could not find experiment with name '${name}'`);
    return { experiment: experimentMessage(experiment) };
  }),
  route('POST', '/mlflow/experiments/search', accesses.reads, searchExperiments),
  route('GET', '/mlflow/experiments/search', accesses.reads, searchExperiments),
  route('POST', '/mlflow/experiments/update', accesses.tracks, async ({ registry, clock }, { message }) => {
    const id = message.required('experiment_id');
    const name = atMost('new_name', requiredName(message, 'new_name'), LONGEST.experimentName);
    await registry.renameExperiment(id, name, clock());
    return {};
  }),
  route('POST', '/mlflow/experiments/delete', accesses.tracks, async ({ registry, clock }, { message }) => {
    await registry.stageExperiment(message.required('experiment_id'), 'deleted', clock());
    return {};
  }),
  route('POST', '/mlflow/experiments/restore', accesses.tracks, async ({ registry, clock }, { message }) => {
    await registry.stageExperiment(message.required('experiment_id'), 'active', clock());
    return {};
  }),
  route('POST', '/mlflow/experiments/set-experiment-tag', accesses.tagsRuns, async ({ registry }, request) => {
    const tag = tagOf(request.message, LONGEST.experimentTag);
    guardTags([tag.key], request);
    await registry.setExperimentTag(request.message.required('experiment_id'), tag);
    return {};
  }),
  route('POST', '/mlflow/experiments/delete-experiment-tag', accesses.tagsRuns, async ({ registry }, request) => {
    const key = request.message.required('key');
    guardTags([key], request);
    await registry.deleteExperimentTag(request.message.required('experiment_id'), key);
    return {};
  }),
];

/** Where the artefacts of an experiment go; null: below the folder of this server. */
function locationOf(message: Message): string | null {
  const location = atMost('artifact_location', message.text('artifact_location'), LONGEST.location);
  if (/[#;]/.test(location)) throw invalid("'artifact_location' URL can't include fragments or params.");
  return location === '' ? null : location;
}

async function searchExperiments({ registry }: MlflowContext, { message }: MlflowRequest) {
  const paging = pagingOf(message, { usual: 1_000, most: 50_000 });
  const page = await registry.searchExperiments({
    ...paging,
    filter: parseFilter(filterTargets.experiments, message.text('filter')),
    order: parseOrders(filterTargets.experiments, message.texts('order_by')),
    view: viewOf(message, 'view_type'),
  });
  return { ...listed('experiments', page.rows.map(experimentMessage)), ...nextToken(paging, page) };
}
