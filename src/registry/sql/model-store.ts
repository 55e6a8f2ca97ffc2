import { fail } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import type { ModelRegistry, RegisteredModel } from '../../ports/model-registry.ts';
import type { Sql, SqlDatabase, SqlRow } from '../../ports/sql-database.ts';
import { keepEvent } from './change-events.ts';
import { numbersOf, type SearchSource, searchRows } from './compile-query.ts';
import { numberOf, rowsByOwner, setTexts, textOf, textsByOwner } from './rows.ts';
import { mayRename, unaliasedModel } from './sealed.ts';
import { recordsOf } from './version-rows.ts';

type ModelMethods =
  | 'models'
  | 'createModel'
  | 'model'
  | 'describeModel'
  | 'renameModel'
  | 'deleteModel'
  | 'tagModel'
  | 'untagModel'
  | 'searchModels';

const SOURCE: SearchSource = {
  from: 'models t',
  attributes: {
    name: { sql: 't.name', type: 'text' },
    creation_timestamp: { sql: 't.created', type: 'number' },
    last_updated_timestamp: { sql: 't.updated', type: 'number' },
    timestamp: { sql: 't.updated', type: 'number' },
  },
  tags: 'model_tags',
  order: 't.name',
};

/** The newest version of each stage: four searches in the index by model and stage, however many versions there are. */
const NEWEST_OF_STAGES = `SELECT m.no AS owner, v.*, m.name AS model_name FROM models m JOIN versions v ON v.model = m.no AND v.version IN (
  ${['None', 'Staging', 'Production', 'Archived'].map((stage) => `(SELECT MAX(x.version) FROM versions x WHERE x.model = m.no AND x.stage = '${stage}')`).join(', ')})`;

/** Registered models in SQL. */
export function modelStore(database: SqlDatabase): Pick<ModelRegistry, ModelMethods> {
  const { dialect } = database;
  return {
    models: () =>
      database.read(async (sql) => {
        const rows = await sql.all('SELECT name FROM models');
        return rows.map((row) => textOf(row, 'name')).sort(compareText);
      }),
    createModel: ({ name, description, tags, at }) =>
      database.write(async (sql) => {
        const [row] = await sql.all(
          `INSERT INTO models (name, description, created, updated, next_version) VALUES (?, ?, ?, ?, 1)
            ON CONFLICT (name) DO NOTHING RETURNING *`,
          [name, description, at, at],
        );
        if (row === undefined) throw fail('REGISTRY_EXISTS', { kind: 'model', name });
        await setTexts({ sql, dialect }, 'model_tags', numberOf(row, 'no'), tags);
        await keepEvent({ sql, dialect }, at, {
          entity: 'registered_model',
          action: 'created',
          data: { name, tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])), description },
        });
        const [model] = await modelsOf(sql, [row]);
        return model;
      }),
    model: (name) =>
      database.read(async (sql) => {
        const [model] = await modelsOf(sql, await sql.all('SELECT * FROM models WHERE name = ?', [name]));
        return model ?? null;
      }),
    describeModel: (name, description, at) =>
      database.write(async (sql) => {
        const no = await modelNumber(sql, name);
        await sql.run('UPDATE models SET description = ?, updated = ? WHERE no = ?', [description, at, no]);
      }),
    renameModel: (name, to, at) =>
      database.write(async (sql) => {
        const no = await unaliasedModel(sql, name);
        // Holds are by name.
        await mayRename(sql, name);
        const [taken] = await sql.all('SELECT no FROM models WHERE name = ? AND no <> ?', [to, no]);
        if (taken !== undefined) throw fail('REGISTRY_EXISTS', { kind: 'model', name: to });
        await sql.run('UPDATE models SET name = ?, updated = ? WHERE no = ?', [to, at, no]);
        await sql.run('UPDATE versions SET updated = ? WHERE model = ?', [at, no]);
      }),
    deleteModel: (name) => database.write((sql) => deleteModel(sql, name)),
    tagModel: (name, tag) =>
      database.write(async (sql) => setTexts({ sql, dialect }, 'model_tags', await modelNumber(sql, name), [tag])),
    untagModel: (name, key) =>
      database.write(async (sql) => {
        await sql.run('DELETE FROM model_tags WHERE owner = ? AND key = ?', [await modelNumber(sql, name), key]);
      }),
    searchModels: (query) =>
      database.read(async (sql) => {
        const { rows, more } = await searchRows({ sql, dialect }, SOURCE, query, []);
        return { rows: await modelsOf(sql, rows), more };
      }),
  };
}

/** The number of a model. Error: REGISTRY_ABSENT. */
export async function modelNumber(sql: Sql, name: string): Promise<number> {
  const [row] = await sql.all('SELECT no FROM models WHERE name = ?', [name]);
  if (row === undefined) throw fail('REGISTRY_ABSENT', { kind: 'model', name });
  return numberOf(row, 'no');
}

async function deleteModel(sql: Sql, name: string): Promise<void> {
  const no = await unaliasedModel(sql, name);
  const [held] = await sql.all('SELECT holder, version FROM holds WHERE model = ? ORDER BY holder LIMIT 1', [name]);
  if (held !== undefined)
    throw fail('REGISTRY_NEEDED', { model: name, version: numberOf(held, 'version'), needed: textOf(held, 'holder') });
  const ofVersions = 'WHERE owner IN (SELECT no FROM versions WHERE model = ?)';
  for (const table of ['version_tags', 'version_files', 'version_contents', 'verdicts'])
    await sql.run(`DELETE FROM ${table} ${ofVersions}`, [no]);
  for (const table of ['versions', 'aliases', 'moves', 'gates'])
    await sql.run(`DELETE FROM ${table} WHERE model = ?`, [no]);
  await sql.run('DELETE FROM model_tags WHERE owner = ?', [no]);
  await sql.run('DELETE FROM models WHERE no = ?', [no]);
}

async function modelsOf(sql: Sql, rows: readonly SqlRow[]): Promise<readonly RegisteredModel[]> {
  if (rows.length === 0) return [];
  const owners = numbersOf(rows);
  const tags = await textsByOwner(sql, 'model_tags', owners);
  const aliases = await rowsByOwner(
    sql,
    'SELECT model AS owner, alias, version FROM aliases WHERE model IN',
    owners,
    'model, alias',
  );
  const newest = await rowsByOwner(sql, `${NEWEST_OF_STAGES} WHERE m.no IN`, owners, 'm.no, v.version');
  const records = await recordsOf(sql, [...newest.values()].flat());
  return rows.map((row) => ({
    name: textOf(row, 'name'),
    description: textOf(row, 'description'),
    createdAt: numberOf(row, 'created'),
    updatedAt: numberOf(row, 'updated'),
    tags: tags(numberOf(row, 'no')),
    aliases: (aliases.get(numberOf(row, 'no')) ?? []).map((one) => ({
      alias: textOf(one, 'alias'),
      version: numberOf(one, 'version'),
    })),
    latest: records.filter(({ model }) => model === textOf(row, 'name')),
  }));
}
