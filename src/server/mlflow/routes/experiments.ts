import { filterTargets } from '../../../registry/filter/filter-target.ts';
import { parseFilter } from '../../../registry/filter/parse-filter.ts';
import { parseOrders } from '../../../registry/filter/parse-order.ts';
import { MlflowFault } from '../fault.ts';
import { atMost, LONGEST, tagOf, tagsOf } from '../limits.ts';
import { type JsonRoute, type MlflowContext, type MlflowRequest, route } from '../mlflow-route.ts';
import { nextToken, pagingOf, viewOf } from '../paging.ts';
import { experimentMessage, listed } from '../wire.ts';

/** Routes of experiments. */
export const experimentRoutes: readonly JsonRoute[] = [
  route('POST', '/mlflow/experiments/create', 'write', async ({ registry, clock }, { message }) => ({
    experiment_id: await registry.createExperiment({
      name: atMost('name', message.required('name'), LONGEST.experimentName),
      artifactLocation: message.text('artifact_location') === '' ? null : message.text('artifact_location'),
      tags: tagsOf(message, LONGEST.experimentTag),
      at: clock(),
    }),
  })),
  route('GET', '/mlflow/experiments/get', 'read', async ({ registry }, { message }) => {
    const id = message.required('experiment_id');
    const experiment = await registry.experiment(id);
    if (experiment === null) throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `No Experiment with id=${id} exists`);
    return { experiment: experimentMessage(experiment) };
  }),
  route('GET', '/mlflow/experiments/get-by-name', 'read', async ({ registry }, { message }) => {
    const name = message.required('experiment_name');
    const experiment = await registry.experimentByName(name);
    if (experiment === null)
      throw new MlflowFault('RESOURCE_DOES_NOT_EXIST', `Could not find experiment with name '${name}'`);
    return { experiment: experimentMessage(experiment) };
  }),
  route('POST', '/mlflow/experiments/search', 'read', searchExperiments),
  route('GET', '/mlflow/experiments/search', 'read', searchExperiments),
  route('POST', '/mlflow/experiments/update', 'write', async ({ registry, clock }, { message }) => {
    const id = message.required('experiment_id');
    const name = message.text('new_name');
    if (name !== '') await registry.renameExperiment(id, atMost('new_name', name, LONGEST.experimentName), clock());
    return {};
  }),
  route('POST', '/mlflow/experiments/delete', 'write', async ({ registry, clock }, { message }) => {
    await registry.stageExperiment(message.required('experiment_id'), 'deleted', clock());
    return {};
  }),
  route('POST', '/mlflow/experiments/restore', 'write', async ({ registry, clock }, { message }) => {
    await registry.stageExperiment(message.required('experiment_id'), 'active', clock());
    return {};
  }),
  route('POST', '/mlflow/experiments/set-experiment-tag', 'write', async ({ registry }, { message }) => {
    await registry.setExperimentTag(message.required('experiment_id'), tagOf(message, LONGEST.experimentTag));
    return {};
  }),
  route('POST', '/mlflow/experiments/delete-experiment-tag', 'write', async ({ registry }, { message }) => {
    await registry.deleteExperimentTag(message.required('experiment_id'), message.required('key'));
    return {};
  }),
];

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
