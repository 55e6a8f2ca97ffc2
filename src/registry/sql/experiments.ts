import { fail } from '../../base/errors/fail.ts';
import type { StageView } from '../../ports/registry-query.ts';
import type { Sql, SqlDatabase, SqlRow } from '../../ports/sql-database.ts';
import type { Experiment, TrackingStore } from '../../ports/tracking-store.ts';
import { numbersOf, type SearchSource, searchRows } from './compile-query.ts';
import { numberOf, setTexts, textOf, textsByOwner } from './rows.ts';

type ExperimentMethods =
  | 'createExperiment'
  | 'experiment'
  | 'experimentByName'
  | 'renameExperiment'
  | 'stageExperiment'
  | 'setExperimentTag'
  | 'deleteExperimentTag'
  | 'searchExperiments';

const SOURCE: SearchSource = {
  from: 'experiments t',
  attributes: {
    name: { sql: 't.name', type: 'text' },
    experiment_id: { sql: 't.no', type: 'number' },
    creation_time: { sql: 't.created', type: 'number' },
    last_update_time: { sql: 't.updated', type: 'number' },
    lifecycle_stage: { sql: 't.stage', type: 'text' },
  },
  tags: 'experiment_tags',
  order: 't.no DESC',
};

/** Experiments in SQL. */
export function experimentStore(database: SqlDatabase): Pick<TrackingStore, ExperimentMethods> {
  const { dialect } = database;
  return {
    createExperiment: ({ name, artifactLocation, tags, at }) =>
      database.write(async (sql) => {
        const [made] = await sql.all(
          `INSERT INTO experiments (name, location, stage, created, updated) VALUES (?, '', 'active', ?, ?)
            ON CONFLICT (name) DO NOTHING RETURNING no`,
          [name, at, at],
        );
        if (made === undefined) throw fail('REGISTRY_EXISTS', { kind: 'experiment', name });
        const no = numberOf(made, 'no');
        const location = artifactLocation ?? `mlflow-artifacts:/${no}`;
        await sql.run('UPDATE experiments SET location = ? WHERE no = ?', [location, no]);
        await setTexts({ sql, dialect }, 'experiment_tags', no, tags);
        return String(no);
      }),
    experiment: (id) => database.read(async (sql) => first(sql, 'no = ?', experimentNumber(id))),
    experimentByName: (name) => database.read((sql) => first(sql, 'name = ?', name)),
    renameExperiment: (id, name, at) =>
      database.write(async (sql) => {
        const no = await activeExperiment(sql, id);
        const [taken] = await sql.all('SELECT no FROM experiments WHERE name = ? AND no <> ?', [name, no]);
        if (taken !== undefined) throw fail('REGISTRY_EXISTS', { kind: 'experiment', name });
        await sql.run('UPDATE experiments SET name = ?, updated = ? WHERE no = ?', [name, at, no]);
      }),
    stageExperiment: (id, stage, at) =>
      database.write(async (sql) => {
        const no = experimentNumber(id);
        const changed = await sql.run('UPDATE experiments SET stage = ?, updated = ? WHERE no = ?', [stage, at, no]);
        if (changed === 0) throw absent(id);
        await sql.run('UPDATE runs SET stage = ?, deleted_at = ? WHERE experiment = ?', [
          stage,
          stage === 'deleted' ? at : null,
          no,
        ]);
      }),
    setExperimentTag: (id, tag) =>
      database.write(async (sql) =>
        setTexts({ sql, dialect }, 'experiment_tags', await activeExperiment(sql, id), [tag]),
      ),
    deleteExperimentTag: (id, key) =>
      database.write(async (sql) => {
        const no = await activeExperiment(sql, id);
        const removed = await sql.run('DELETE FROM experiment_tags WHERE owner = ? AND key = ?', [no, key]);
        if (removed === 0)
          throw fail('REGISTRY_ABSENT', { kind: 'experiment tag', name: `${key} in experiment with id ${id}` });
      }),
    searchExperiments: (query) =>
      database.read(async (sql) => {
        const { rows, more } = await searchRows({ sql, dialect }, SOURCE, query, stageParts(query.view));
        return { rows: await experimentsOf(sql, rows), more };
      }),
  };
}

/** The number of an experiment from its id; one that cannot be is -1, which no experiment has. */
export function experimentNumber(id: string): number {
  const number = /^\d{1,15}$/.test(id) ? Number(id) : -1;
  return String(number) === id ? number : -1;
}

/** The number of an experiment that may be changed. Errors: REGISTRY_ABSENT, REGISTRY_DELETED. */
export async function activeExperiment(sql: Sql, id: string): Promise<number> {
  const [row] = await sql.all('SELECT no, stage FROM experiments WHERE no = ?', [experimentNumber(id)]);
  if (row === undefined) throw absent(id);
  if (textOf(row, 'stage') !== 'active') throw fail('REGISTRY_DELETED', { kind: 'experiment', name: id });
  return numberOf(row, 'no');
}

/** The condition of a view on the lifecycle stage. */
export function stageParts(view: StageView): readonly { readonly text: string; readonly values: readonly string[] }[] {
  return view === 'all' ? [] : [{ text: 't.stage = ?', values: [view] }];
}

async function first(sql: Sql, where: string, value: string | number): Promise<Experiment | null> {
  const rows = await sql.all(`SELECT * FROM experiments WHERE ${where}`, [value]);
  const [found] = await experimentsOf(sql, rows);
  return found ?? null;
}

async function experimentsOf(sql: Sql, rows: readonly SqlRow[]): Promise<readonly Experiment[]> {
  const tags = await textsByOwner(sql, 'experiment_tags', numbersOf(rows));
  return rows.map((row) => ({
    id: textOf(row, 'no'),
    name: textOf(row, 'name'),
    artifactLocation: textOf(row, 'location'),
    stage: textOf(row, 'stage') === 'active' ? 'active' : 'deleted',
    createdAt: numberOf(row, 'created'),
    updatedAt: numberOf(row, 'updated'),
    tags: tags(numberOf(row, 'no')),
  }));
}

function absent(name: string): Error {
  return fail('REGISTRY_ABSENT', { kind: 'experiment', name });
}
