import { fail } from '../../base/errors/fail.ts';
import { trimEndOf } from '../../base/trim-end.ts';
import type { LoggedModel, LoggedModelMetric, LoggedModelStatus, LoggedModels } from '../../ports/logged-models.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlRow } from '../../ports/sql-database.ts';
import type { KeyText } from '../../ports/tracking-store.ts';
import { inNumbers, numbersOf, type SearchSource, searchRows } from './compile-query.ts';
import { activeExperiment, experimentNumber } from './experiments.ts';
import { insertRows, marks, metricOf, numberOf, rowsByOwner, setTexts, textOf, textsByOwner } from './rows.ts';

const SOURCE: SearchSource = {
  from: 'logged_models t',
  attributes: {
    name: { sql: 't.name', type: 'text' },
    model_name: { sql: 't.name', type: 'text' },
    model_id: { sql: 't.id', type: 'text' },
    model_type: { sql: 't.model_type', type: 'text' },
    source_run_id: { sql: 't.source_run', type: 'text' },
    status: { sql: 't.status', type: 'text' },
    artifact_location: { sql: 't.uri', type: 'text' },
    experiment_id: { sql: 't.experiment', type: 'number' },
    creation_time: { sql: 't.created', type: 'number' },
    creation_timestamp: { sql: 't.created', type: 'number' },
    creation_timestamp_ms: { sql: 't.created', type: 'number' },
    last_updated_timestamp: { sql: 't.updated', type: 'number' },
    last_updated_timestamp_ms: { sql: 't.updated', type: 'number' },
  },
  metrics: 'logged_model_metrics',
  isNewestOnly: false,
  params: 'logged_model_params',
  tags: 'logged_model_tags',
  order: 't.created DESC, t.no DESC',
};

/** Logged models in SQL. */
export function loggedModelStore(database: SqlDatabase): LoggedModels {
  const { dialect } = database;
  return {
    createLoggedModel: ({ id, experiment, name, modelType, sourceRun, params, tags, at }) =>
      database.write(async (sql) => {
        const number = await activeExperiment(sql, experiment);
        const [{ location = '' } = {}] = await sql.all('SELECT location FROM experiments WHERE no = ?', [number]);
        const uri = `${trimEndOf(String(location), '/')}/models/${id}/artifacts`;
        const [row] = await sql.all(
          `INSERT INTO logged_models (id, experiment, name, uri, created, updated, status, model_type, source_run, stage)
            VALUES (?, ?, ?, ?, ?, ?, 'LOGGED_MODEL_PENDING', ?, ?, 'active') RETURNING *`,
          [id, experimentNumber(experiment), name, uri, at, at, modelType, sourceRun],
        );
        await setTexts({ sql, dialect }, 'logged_model_params', numberOf(row, 'no'), params);
        await setTexts({ sql, dialect }, 'logged_model_tags', numberOf(row, 'no'), tags);
        const [model] = await modelsOf(sql, [row]);
        return model;
      }),
    loggedModel: (id) =>
      database.read(async (sql) => {
        const rows = await sql.all("SELECT * FROM logged_models WHERE id = ? AND stage = 'active'", [id]);
        const [model] = await modelsOf(sql, rows);
        return model ?? null;
      }),
    finishLoggedModel: (id, status, at) =>
      database.write(async (sql) => {
        await sql.run('UPDATE logged_models SET status = ?, updated = ? WHERE no = ?', [
          status,
          at,
          await numberFor(sql, id),
        ]);
      }),
    deleteLoggedModel: (id, at) =>
      database.write(async (sql) => {
        const no = await numberFor(sql, id);
        await sql.run("UPDATE logged_models SET stage = 'deleted', updated = ? WHERE no = ?", [at, no]);
      }),
    tagLoggedModel: (id, tags, at) =>
      database.write(async (sql) => {
        const no = await numberFor(sql, id);
        await setTexts({ sql, dialect }, 'logged_model_tags', no, tags);
        await sql.run('UPDATE logged_models SET updated = ? WHERE no = ?', [at, no]);
      }),
    untagLoggedModel: (id, key) =>
      database.write(async (sql) => {
        const no = await numberFor(sql, id);
        const removed = await sql.run('DELETE FROM logged_model_tags WHERE owner = ? AND key = ?', [no, key]);
        if (removed === 0) throw fail('REGISTRY_ABSENT', { kind: 'logged model tag', name: key });
      }),
    paramLoggedModel: (id, params) =>
      database.write(async (sql) => addParams({ sql, dialect }, await numberFor(sql, id), { model: id, params })),
    searchLoggedModels: (query) =>
      database.read(async (sql) => {
        const experiments = inNumbers('t.experiment', query.experiments.map(experimentNumber));
        const where = [experiments, { text: "t.stage = 'active'", values: [] }, ...onDatasets(query.datasets)];
        const { rows, more } = await searchRows({ sql, dialect }, SOURCE, query, where);
        return { rows: await modelsOf(sql, rows), more };
      }),
  };
}

/** A param keeps its first value. Error: REGISTRY_MODEL_PARAM. */
async function addParams(
  open: { readonly sql: Sql; readonly dialect: SqlDialect },
  owner: number,
  { model, params }: { readonly model: string; readonly params: readonly KeyText[] },
): Promise<void> {
  if (params.length === 0) return;
  const rows = params.map(({ key, value }) => [owner, key, value]);
  await insertRows(open, 'logged_model_params (owner, key, value)', rows, 'ON CONFLICT DO NOTHING');
  const stored = await open.sql.all('SELECT key, value FROM logged_model_params WHERE owner = ?', [owner]);
  const values = new Map(stored.map((row) => [textOf(row, 'key'), textOf(row, 'value')]));
  for (const { key, value } of params) {
    const found = values.get(key) ?? '';
    if (found !== value) throw fail('REGISTRY_MODEL_PARAM', { key, model, value: found, changed: value });
  }
}

function onDatasets(datasets: readonly { readonly name: string; readonly digest: string | null }[]) {
  if (datasets.length === 0) return [];
  const each = datasets.map(({ digest }) => `(dataset_name = ?${digest === null ? '' : ' AND dataset_digest = ?'})`);
  const values = datasets.flatMap(({ name, digest }) => (digest === null ? [name] : [name, digest]));
  return [{ text: `t.no IN (SELECT owner FROM logged_model_metrics WHERE ${each.join(' OR ')})`, values }];
}

async function numberFor(sql: Sql, id: string): Promise<number> {
  const [row] = await sql.all("SELECT no FROM logged_models WHERE id = ? AND stage = 'active'", [id]);
  if (row === undefined) throw fail('REGISTRY_ABSENT', { kind: 'logged model', name: id });
  return numberOf(row, 'no');
}

async function modelsOf(sql: Sql, rows: readonly SqlRow[]): Promise<readonly LoggedModel[]> {
  if (rows.length === 0) return [];
  const owners = numbersOf(rows);
  const tags = await textsByOwner(sql, 'logged_model_tags', owners);
  const params = await textsByOwner(sql, 'logged_model_params', owners);
  const metrics = await rowsByOwner(
    sql,
    'SELECT * FROM logged_model_metrics WHERE owner IN',
    owners,
    'owner, key, step, at',
  );
  const registrations = await registrationsOf(sql, rows);
  return rows.map((row) => ({
    id: textOf(row, 'id'),
    experiment: textOf(row, 'experiment'),
    name: textOf(row, 'name'),
    artifactUri: textOf(row, 'uri'),
    createdAt: numberOf(row, 'created'),
    updatedAt: numberOf(row, 'updated'),
    status: textOf(row, 'status') as LoggedModelStatus,
    modelType: textOf(row, 'model_type'),
    sourceRun: textOf(row, 'source_run'),
    tags: tags(numberOf(row, 'no')),
    params: params(numberOf(row, 'no')),
    metrics: newestOf((metrics.get(numberOf(row, 'no')) ?? []).map(modelMetricOf)),
    registrations: registrations.get(textOf(row, 'id')) ?? [],
  }));
}

/** Of the points of one metric on one data set in one run, the newest. */
function newestOf(metrics: readonly LoggedModelMetric[]): readonly LoggedModelMetric[] {
  const newest = new Map(
    metrics.map((one) => [JSON.stringify([one.key, one.run, one.datasetName, one.datasetDigest]), one]),
  );
  return [...newest.values()];
}

function modelMetricOf(row: SqlRow): LoggedModelMetric {
  const orNull = (text: string) => (text === '' ? null : text);
  return {
    ...metricOf(row),
    run: textOf(row, 'run'),
    datasetName: orNull(textOf(row, 'dataset_name')),
    datasetDigest: orNull(textOf(row, 'dataset_digest')),
  };
}

async function registrationsOf(sql: Sql, rows: readonly SqlRow[]) {
  const found = new Map<string, { readonly model: string; readonly version: number }[]>();
  const ids = rows.map((row) => textOf(row, 'id'));
  for (let at = 0; at < ids.length; at += 500) {
    const part = ids.slice(at, at + 500);
    const registered = await sql.all(
      `SELECT v.logged_model AS logged_model, m.name AS name, v.version AS version FROM versions v JOIN models m ON m.no = v.model
        WHERE v.logged_model IN (${marks(part.length)}) ORDER BY m.name, v.version`,
      part,
    );
    for (const row of registered) {
      const id = textOf(row, 'logged_model');
      found.set(id, [...(found.get(id) ?? []), { model: textOf(row, 'name'), version: numberOf(row, 'version') }]);
    }
  }
  return found;
}
