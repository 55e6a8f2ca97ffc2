import { fail } from '../../base/errors/fail.ts';
import { trimEndOf } from '../../base/trim-end.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlValue } from '../../ports/sql-database.ts';
import type { DatasetInput, KeyText, RunBatch, RunMetric, TrackingStore } from '../../ports/tracking-store.ts';
import { inNumbers, type SearchSource, searchRows } from './compile-query.ts';
import { activeExperiment, experimentNumber, stageParts } from './experiments.ts';
import { insertRows, marks, metricOf, numberOf, setTexts, textOf, valueColumns } from './rows.ts';
import { infoOf, runsOf } from './run-rows.ts';

type RunMethods =
  | 'createRun'
  | 'run'
  | 'updateRun'
  | 'stageRun'
  | 'logBatch'
  | 'deleteRunTag'
  | 'logInputs'
  | 'logOutputs'
  | 'searchRuns'
  | 'metricHistory'
  | 'metricHistories';

const SOURCE: SearchSource = {
  from: 'runs t',
  attributes: {
    run_id: { sql: 't.id', type: 'text' },
    run_name: { sql: 't.name', type: 'text' },
    status: { sql: 't.status', type: 'text' },
    user_id: { sql: 't.user_name', type: 'text' },
    artifact_uri: { sql: 't.uri', type: 'text' },
    experiment_id: { sql: 't.experiment', type: 'number' },
    start_time: { sql: 't.started', type: 'number' },
    end_time: { sql: 't.ended', type: 'number' },
  },
  metrics: 'latest_metrics',
  params: 'run_params',
  tags: 'run_tags',
  datasets: {
    select: 'SELECT rd.owner FROM run_datasets rd JOIN datasets d ON d.no = rd.dataset WHERE',
    columns: { name: 'd.name', digest: 'd.digest', context: 'rd.context' },
  },
  order: 't.started DESC, t.id',
};

/** The tag that carries the name of a run. */
const NAME_TAG = 'mlflow.runName';

/** The tag of a data set of a run that says what it was for. */
const CONTEXT_TAG = 'mlflow.data.context';

/** Every n-th point of a history, and its last one: n is the least that leaves no more than the limit before the last. */
const SPREAD_POINTS = `SELECT * FROM (
    SELECT m.*, ROW_NUMBER() OVER (ORDER BY step, at) - 1 AS place, COUNT(*) OVER () AS points
    FROM metrics m WHERE owner = ? AND key = ? AND step BETWEEN ? AND ?
  ) p WHERE place % ((points + ? - 1) / ?) = 0 OR place = points - 1 ORDER BY place`;

interface Open {
  readonly sql: Sql;
  readonly dialect: SqlDialect;
}

/** Runs in SQL. */
export function runStore(database: SqlDatabase): Pick<TrackingStore, RunMethods> {
  const { dialect } = database;
  return {
    createRun: ({ id, experiment, name, user, startedAt, tags }) =>
      database.write(async (sql) => {
        const [{ location = '' } = {}] = await sql.all('SELECT location FROM experiments WHERE no = ?', [
          await activeExperiment(sql, experiment),
        ]);
        const uri = `${trimEndOf(String(location), '/')}/${id}/artifacts`;
        const [row] = await sql.all(
          `INSERT INTO runs (id, experiment, name, user_name, status, started, ended, uri, stage, deleted_at)
            VALUES (?, ?, ?, ?, 'RUNNING', ?, NULL, ?, 'active', NULL) RETURNING *`,
          [id, experimentNumber(experiment), name, user, startedAt, uri],
        );
        await setTexts({ sql, dialect }, 'run_tags', numberOf(row, 'no'), tags);
        const [run] = await runsOf(sql, [row]);
        return run;
      }),
    run: (id) =>
      database.read(async (sql) => {
        const [run] = await runsOf(sql, await sql.all('SELECT * FROM runs WHERE id = ?', [id]));
        return run ?? null;
      }),
    updateRun: (id, { status, endedAt, name }) =>
      database.write(async (sql) => {
        const no = await activeRun(sql, id);
        const [row] = await sql.all(
          'UPDATE runs SET status = COALESCE(?, status), ended = COALESCE(?, ended), name = COALESCE(?, name) WHERE no = ? RETURNING *',
          [status ?? null, endedAt ?? null, name ?? null, no],
        );
        if (name !== undefined) await setTexts({ sql, dialect }, 'run_tags', no, [{ key: NAME_TAG, value: name }]);
        return infoOf(row);
      }),
    stageRun: (id, stage, at) =>
      database.write(async (sql) => {
        const deletedAt = stage === 'deleted' ? at : null;
        const changed = await sql.run('UPDATE runs SET stage = ?, deleted_at = ? WHERE id = ?', [stage, deletedAt, id]);
        if (changed === 0) throw absentRun(id);
      }),
    logBatch: (run, batch) => database.write((sql) => logBatch({ sql, dialect }, run, batch)),
    deleteRunTag: (run, key) =>
      database.write(async (sql) => {
        const no = await activeRun(sql, run);
        const removed = await sql.run('DELETE FROM run_tags WHERE owner = ? AND key = ?', [no, key]);
        if (removed === 0) throw fail('REGISTRY_ABSENT', { kind: 'run tag', name: `${key} in run with id ${run}` });
      }),
    logInputs: (run, datasets, models) =>
      database.write(async (sql) => {
        const no = await activeRun(sql, run);
        for (const dataset of datasets) await linkDataset({ sql, dialect }, no, dataset);
        const rows = models.map((model) => [no, 'input', model, 0]);
        await insertRows(
          { sql, dialect },
          'run_models (owner, direction, model, step)',
          rows,
          'ON CONFLICT DO NOTHING',
        );
      }),
    logOutputs: (run, models) =>
      database.write(async (sql) => {
        const no = await activeRun(sql, run);
        const steps = new Map(models.map(({ modelId, step }) => [modelId, step]));
        const rows = [...steps].map(([model, step]) => [no, 'output', model, step]);
        const conflict = 'ON CONFLICT (owner, direction, model) DO UPDATE SET step = excluded.step';
        await insertRows({ sql, dialect }, 'run_models (owner, direction, model, step)', rows, conflict);
      }),
    searchRuns: (query) =>
      database.read(async (sql) => {
        // With a filter its index finds fewer rows than that of experiments, which the planner should pass over.
        const column = query.filter.length === 0 ? 't.experiment' : dialect.withoutIndex('t.experiment');
        const experiments = inNumbers(column, query.experiments.map(experimentNumber));
        const { rows, more } = await searchRows({ sql, dialect }, SOURCE, query, [
          experiments,
          ...stageParts(query.view),
        ]);
        return { rows: await runsOf(sql, rows), more };
      }),
    metricHistory: (run, key, { offset, limit }) =>
      database.read(async (sql) => {
        const no = await runNumber(sql, run);
        const rows = await sql.all(
          'SELECT * FROM metrics WHERE owner = ? AND key = ? ORDER BY at, step, nan, value LIMIT ? OFFSET ?',
          [no, key, limit + 1, offset],
        );
        return { rows: rows.slice(0, limit).map(metricOf), more: rows.length > limit };
      }),
    metricHistories: (runs, key, { from, to, limit }) =>
      database.read(async (sql) => {
        const span: readonly SqlValue[] = [from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER];
        const points = [];
        for (const run of runs) {
          const [row] = await sql.all('SELECT no FROM runs WHERE id = ?', [run]);
          if (row === undefined) continue;
          const rows = await sql.all(SPREAD_POINTS, [numberOf(row, 'no'), key, ...span, limit, limit]);
          points.push(...rows.map((each) => ({ ...metricOf(each), run })));
        }
        return points;
      }),
  };
}

/** Its statements do not depend on how much the run already has. */
async function logBatch(open: Open, run: string, { metrics, params, tags, appended = [] }: RunBatch): Promise<void> {
  const no = await activeRun(open.sql, run);
  await logMetrics(open, no, metrics);
  await logParams(open, { no, run }, params);
  await setTexts(open, 'run_tags', no, tags);
  for (const one of appended) await appendTo(open, no, one);
  const name = tags.findLast(({ key }) => key === NAME_TAG);
  if (name !== undefined) await open.sql.run('UPDATE runs SET name = ? WHERE no = ?', [name.value, no]);
  await logModelMetrics(open, run, metrics);
}

/** The row of the run is the lock: another process appends before or after. A tag that holds no list begins a new one. */
async function appendTo(open: Open, no: number, { key, value }: KeyText): Promise<void> {
  await open.sql.run('UPDATE runs SET name = name WHERE no = ?', [no]);
  const [row] = await open.sql.all('SELECT value FROM run_tags WHERE owner = ? AND key = ?', [no, key]);
  await setTexts(open, 'run_tags', no, [
    { key, value: withElement(row === undefined ? '[]' : textOf(row, 'value'), value) },
  ]);
}

function withElement(list: string, element: string): string {
  let before: unknown = [];
  try {
    before = JSON.parse(list);
  } catch {
    // A client may set the tag to anything.
  }
  return JSON.stringify([...(Array.isArray(before) ? (before as readonly unknown[]) : []), JSON.parse(element)]);
}

async function logMetrics(open: Open, no: number, metrics: readonly RunMetric[]): Promise<void> {
  const rows = metrics.map(({ key, value, at, step }) => [no, key, at, step, ...valueColumns(value)]);
  await insertRows(open, 'metrics (owner, key, at, step, value, nan)', rows, 'ON CONFLICT DO NOTHING');
  const newest = new Map<string, RunMetric>();
  for (const metric of metrics) {
    const before = newest.get(metric.key);
    if (before === undefined || isNewer(metric, before)) newest.set(metric.key, metric);
  }
  await insertRows(
    open,
    'latest_metrics (owner, key, value, nan, at, step)',
    [...newest.values()].map(({ key, value, at, step }) => [no, key, ...valueColumns(value), at, step]),
    `ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value, nan = excluded.nan, at = excluded.at, step = excluded.step
      WHERE (excluded.step, excluded.at, excluded.value) > (latest_metrics.step, latest_metrics.at, latest_metrics.value)`,
  );
}

/** By (step, time, value), where a NaN is as 0: so says the table. */
function isNewer(a: RunMetric, b: RunMetric): boolean {
  if (a.step !== b.step) return a.step > b.step;
  if (a.at !== b.at) return a.at > b.at;
  return valueColumns(a.value)[0] > valueColumns(b.value)[0];
}

async function logModelMetrics(open: Open, run: string, metrics: readonly RunMetric[]): Promise<void> {
  for (const metric of metrics) {
    if (metric.modelId === undefined || metric.modelId === '') continue;
    const [row] = await open.sql.all('SELECT no FROM logged_models WHERE id = ?', [metric.modelId]);
    if (row === undefined) throw fail('REGISTRY_ABSENT', { kind: 'logged model', name: metric.modelId });
    const dataset = [metric.datasetName ?? '', metric.datasetDigest ?? ''];
    await insertRows(
      open,
      'logged_model_metrics (owner, key, at, step, value, nan, run, dataset_name, dataset_digest)',
      [[numberOf(row, 'no'), metric.key, metric.at, metric.step, ...valueColumns(metric.value), run, ...dataset]],
      'ON CONFLICT DO NOTHING',
    );
  }
}

async function logParams(
  open: Open,
  { no, run }: { readonly no: number; readonly run: string },
  params: RunBatch['params'],
): Promise<void> {
  if (params.length === 0) return;
  const rows = params.map(({ key, value }) => [no, key, value]);
  await insertRows(open, 'run_params (owner, key, value)', rows, 'ON CONFLICT DO NOTHING');
  const keys = params.map(({ key }) => key);
  const stored = await open.sql.all(
    `SELECT key, value FROM run_params WHERE owner = ? AND key IN (${marks(keys.length)})`,
    [no, ...keys],
  );
  const values = new Map(stored.map((row) => [textOf(row, 'key'), textOf(row, 'value')]));
  for (const { key, value } of params) {
    const found = values.get(key) ?? '';
    if (found !== value) throw fail('REGISTRY_PARAM', { key, run, value: found, changed: value });
  }
}

async function linkDataset({ sql, dialect }: Open, no: number, dataset: DatasetInput): Promise<void> {
  const { name, digest, sourceType, source, schema, profile, tags } = dataset;
  const context = tags.find(({ key }) => key === CONTEXT_TAG)?.value ?? '';
  const [{ experiment = 0 } = {}] = await sql.all('SELECT experiment FROM runs WHERE no = ?', [no]);
  await sql.run(
    `INSERT INTO datasets (experiment, name, digest, source_type, source, schema_text, profile) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (experiment, name, digest) DO NOTHING`,
    [experiment, name, digest, sourceType, source, schema, profile],
  );
  await sql.run(
    `INSERT INTO run_datasets (owner, dataset, context, tags)
      SELECT ${dialect.name === 'postgres' ? '?::bigint, no, ?::text, ?::text' : '?, no, ?, ?'} FROM datasets WHERE experiment = ? AND name = ? AND digest = ? ON CONFLICT (owner, dataset) DO NOTHING`,
    [no, context, JSON.stringify(tags), experiment, name, digest],
  );
}

/** The number of a run that may be changed. Errors: REGISTRY_ABSENT, REGISTRY_DELETED. */
async function activeRun(sql: Sql, id: string): Promise<number> {
  const [row] = await sql.all('SELECT no, stage FROM runs WHERE id = ?', [id]);
  if (row === undefined) throw absentRun(id);
  if (textOf(row, 'stage') !== 'active') throw fail('REGISTRY_DELETED', { kind: 'run', name: id });
  return numberOf(row, 'no');
}

async function runNumber(sql: Sql, id: string): Promise<number> {
  const [row] = await sql.all('SELECT no FROM runs WHERE id = ?', [id]);
  if (row === undefined) throw absentRun(id);
  return numberOf(row, 'no');
}

function absentRun(name: string): Error {
  return fail('REGISTRY_ABSENT', { kind: 'run', name });
}
