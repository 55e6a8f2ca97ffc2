import type { Sql, SqlRow } from '../../ports/sql-database.ts';
import type { DatasetInput, KeyText, Run, RunInfo, RunStatus } from '../../ports/tracking-store.ts';
import { numbersOf } from './compile-query.ts';
import { maybeNumber, metricOf, numberOf, rowsByOwner, textOf, textsByOwner } from './rows.ts';

/** Runs from their rows, with everything that was logged; some statements however many runs there are. */
export async function runsOf(sql: Sql, rows: readonly SqlRow[]): Promise<readonly Run[]> {
  if (rows.length === 0) return [];
  const owners = numbersOf(rows);
  const metrics = await rowsByOwner(sql, 'SELECT * FROM latest_metrics WHERE owner IN', owners, 'owner, key');
  const params = await textsByOwner(sql, 'run_params', owners);
  const tags = await textsByOwner(sql, 'run_tags', owners);
  const models = await rowsByOwner(sql, 'SELECT * FROM run_models WHERE owner IN', owners, 'owner, step, model');
  const datasets = await rowsByOwner(
    sql,
    'SELECT rd.owner AS owner, rd.tags AS tags, d.* FROM run_datasets rd JOIN datasets d ON d.no = rd.dataset WHERE rd.owner IN',
    owners,
    'rd.owner, d.no',
  );
  return rows.map((row) => {
    const no = numberOf(row, 'no');
    const linked = models.get(no) ?? [];
    return {
      info: infoOf(row),
      metrics: (metrics.get(no) ?? []).map(metricOf),
      params: params(no),
      tags: tags(no),
      datasets: (datasets.get(no) ?? []).map(datasetOf),
      modelInputs: linked.filter((one) => one['direction'] === 'input').map((one) => textOf(one, 'model')),
      modelOutputs: linked
        .filter((one) => one['direction'] === 'output')
        .map((one) => ({ modelId: textOf(one, 'model'), step: numberOf(one, 'step') })),
    };
  });
}

export function infoOf(row: SqlRow): RunInfo {
  return {
    id: textOf(row, 'id'),
    experiment: textOf(row, 'experiment'),
    name: textOf(row, 'name'),
    user: textOf(row, 'user_name'),
    status: textOf(row, 'status') as RunStatus,
    startedAt: maybeNumber(row, 'started'),
    endedAt: maybeNumber(row, 'ended'),
    artifactUri: textOf(row, 'uri'),
    stage: textOf(row, 'stage') === 'active' ? 'active' : 'deleted',
  };
}

function datasetOf(row: SqlRow): DatasetInput {
  return {
    name: textOf(row, 'name'),
    digest: textOf(row, 'digest'),
    sourceType: textOf(row, 'source_type'),
    source: textOf(row, 'source'),
    schema: row['schema_text'] === null ? null : textOf(row, 'schema_text'),
    profile: row['profile'] === null ? null : textOf(row, 'profile'),
    tags: JSON.parse(textOf(row, 'tags')) as readonly KeyText[],
  };
}
