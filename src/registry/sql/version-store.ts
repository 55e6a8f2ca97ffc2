import { fail } from '../../base/errors/fail.ts';
import type {
  ModelRegistry,
  ModelVersion,
  NewModelVersion,
  NewVersionRecord,
  VersionRecord,
} from '../../ports/model-registry.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlRow } from '../../ports/sql-database.ts';
import { neededContents, releaseClaims } from './artifact-index-store.ts';
import { type ChangeEvent, keepEvent } from './change-events.ts';
import { type SearchSource, searchRows } from './compile-query.ts';
import { deleteVersion } from './delete-version.ts';
import { modelNumber } from './model-store.ts';
import { insertRows, numberOf, setTexts } from './rows.ts';
import { mayTag } from './sealed.ts';
import { maybeVersionRow, recordsOf, trainedOf, VERSION_ROWS, versionRow, wholeRecord } from './version-rows.ts';

type VersionMethods =
  | 'register'
  | 'versions'
  | 'version'
  | 'versionNumbers'
  | 'createVersion'
  | 'versionRecord'
  | 'describeVersion'
  | 'deleteVersion'
  | 'tagVersion'
  | 'untagVersion'
  | 'stageVersion'
  | 'latestVersions'
  | 'searchVersions';

const SOURCE: SearchSource = {
  from: '(SELECT v.*, m.name AS model_name FROM versions v JOIN models m ON m.no = v.model) t',
  attributes: {
    name: { sql: 't.model_name', type: 'text' },
    version: { sql: 't.version', type: 'number' },
    version_number: { sql: 't.version', type: 'number' },
    run_id: { sql: 't.run', type: 'text' },
    source_path: { sql: 't.source', type: 'text' },
    user_id: { sql: 't.user_name', type: 'text' },
    current_stage: { sql: 't.stage', type: 'text' },
    status: { sql: 't.status', type: 'text' },
    creation_timestamp: { sql: 't.created', type: 'number' },
    last_updated_timestamp: { sql: 't.updated', type: 'number' },
  },
  tags: 'version_tags',
  order: 't.updated DESC, t.model_name, t.version DESC',
};

interface Open {
  readonly sql: Sql;
  readonly dialect: SqlDialect;
}

/** Versions in SQL. */
export function versionStore(database: SqlDatabase): Pick<ModelRegistry, VersionMethods> {
  const { dialect } = database;
  return {
    register: (version) => database.write((sql) => register({ sql, dialect }, version)),
    versions: (model) =>
      database.read(async (sql) => {
        const rows = await sql.all(`${VERSION_ROWS} WHERE m.name = ? AND v.body IS NOT NULL ORDER BY v.version`, [
          model,
        ]);
        return rows.map(trainedOf);
      }),
    versionNumbers: (model) =>
      database.read(async (sql) => {
        const rows = await sql.all(
          'SELECT v.version FROM versions v JOIN models m ON m.no = v.model WHERE m.name = ? ORDER BY v.version',
          [model],
        );
        return rows.map((row) => numberOf(row, 'version'));
      }),
    version: (model, version) =>
      database.read(async (sql) => {
        const row = await versionRow(sql, model, version);
        if (row['body'] === null) throw fail('REGISTRY_FOREIGN', { model, version });
        return trainedOf(row);
      }),
    createVersion: (version) => database.write((sql) => createVersion({ sql, dialect }, version)),
    versionRecord: (model, version) =>
      database.read(async (sql) => {
        const row = await maybeVersionRow(sql, model, version);
        return row === null ? null : wholeRecord(sql, row);
      }),
    describeVersion: (model, version, description, at) =>
      database.write(async (sql) => {
        const row = await versionRow(sql, model, version);
        await sql.run('UPDATE versions SET description = ?, updated = ? WHERE no = ?', [
          description,
          at,
          numberOf(row, 'no'),
        ]);
      }),
    deleteVersion: (model, version, change) =>
      database.write((sql) => deleteVersion({ sql, dialect }, { model, version }, change)),
    tagVersion: (model, version, tag, at) =>
      database.write(async (sql) => {
        const row = await versionRow(sql, model, version);
        await mayTag(sql, row, tag.key);
        await setTexts({ sql, dialect }, 'version_tags', numberOf(row, 'no'), [tag]);
        const data = { name: model, version: String(version), ...tag };
        await keepEvent({ sql, dialect }, at, { entity: 'model_version_tag', action: 'set', data });
      }),
    untagVersion: (model, version, key, at) =>
      database.write(async (sql) => {
        const row = await versionRow(sql, model, version);
        await mayTag(sql, row, key);
        await sql.run('DELETE FROM version_tags WHERE owner = ? AND key = ?', [numberOf(row, 'no'), key]);
        const data = { name: model, version: String(version), key };
        await keepEvent({ sql, dialect }, at, { entity: 'model_version_tag', action: 'deleted', data });
      }),
    stageVersion: (model, version, { stage, archiveOthers, at }) =>
      database.write(async (sql) => {
        const row = await versionRow(sql, model, version);
        if (archiveOthers)
          await sql.run(
            "UPDATE versions SET stage = 'Archived', updated = ? WHERE model = ? AND stage = ? AND no <> ?",
            [at, numberOf(row, 'model'), stage, numberOf(row, 'no')],
          );
        await sql.run('UPDATE versions SET stage = ?, updated = ? WHERE no = ?', [stage, at, numberOf(row, 'no')]);
        await sql.run('UPDATE models SET updated = ? WHERE no = ?', [at, numberOf(row, 'model')]);
      }),
    latestVersions: (model, stages) =>
      database.read(async (sql) => {
        const no = await modelNumber(sql, model);
        const rows: SqlRow[] = [];
        for (const stage of stages)
          rows.push(
            ...(await sql.all(`${VERSION_ROWS} WHERE v.model = ? AND v.stage = ? ORDER BY v.version DESC LIMIT 1`, [
              no,
              stage,
            ])),
          );
        return [...(await recordsOf(sql, rows))].sort((a, b) => a.version - b.version);
      }),
    searchVersions: (query) =>
      database.read(async (sql) => {
        const { rows, more } = await searchRows({ sql, dialect }, SOURCE, query, []);
        return { rows: await recordsOf(sql, rows), more };
      }),
  };
}

/** Takes the next number of a model; locks its row, so that numbers follow the order of commits. */
async function nextNumber(
  sql: Sql,
  model: string,
  at: number,
): Promise<{ readonly no: number; readonly version: number }> {
  const [row] = await sql.all(
    'UPDATE models SET next_version = next_version + 1, updated = ? WHERE name = ? RETURNING no, next_version - 1 AS version',
    [at, model],
  );
  if (row === undefined) throw fail('REGISTRY_ABSENT', { kind: 'model', name: model });
  return { no: numberOf(row, 'no'), version: numberOf(row, 'version') };
}

async function register(open: Open, version: NewModelVersion): Promise<ModelVersion> {
  const { model, createdAt: at, artifact, parity } = version;
  await open.sql.run(
    `INSERT INTO models (name, description, created, updated, next_version) VALUES (?, '', ?, ?, 1) ON CONFLICT (name) DO NOTHING`,
    [model, at, at],
  );
  const next = await nextNumber(open.sql, model, at);
  const registered: ModelVersion = { ...version, version: next.version };
  const owner = await insertVersion(open, next, { ...NOTHING, model, at, body: JSON.stringify(registered) });
  await keepEvent(open, at, createdEvent({ ...NOTHING, model, tags: [] }, next.version));
  const { reference } = version.lineage;
  await nameContents(open, owner, [artifact, parity, ...(reference === undefined ? [] : [reference])], 'any');
  return registered;
}

const NOTHING = { user: '', description: '', source: '', run: '', runLink: '', loggedModel: '', digest: null };

async function createVersion(open: Open, version: NewVersionRecord): Promise<VersionRecord> {
  const next = await nextNumber(open.sql, version.model, version.at);
  const owner = await insertVersion(open, next, { ...version, body: null });
  await setTexts(open, 'version_tags', owner, version.tags);
  await keepEvent(open, version.at, createdEvent(version, next.version));
  const files = version.files.map(({ path, digest, sizeBytes }) => [owner, path, digest, sizeBytes]);
  await insertRows(open, 'version_files (owner, path, digest, size)', files);
  await nameContents(
    open,
    owner,
    version.files.map(({ digest }) => digest),
    'named',
  );
  return wholeRecord(open.sql, await versionRow(open.sql, version.model, next.version));
}

function createdEvent(
  {
    model,
    source,
    run,
    tags,
    description,
  }: Pick<NewVersionRecord, 'model' | 'source' | 'run' | 'tags' | 'description'>,
  version: number,
): ChangeEvent {
  const data = {
    name: model,
    version: String(version),
    source,
    run_id: run === '' ? null : run,
    tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    description,
  };
  return { entity: 'model_version', action: 'created', data };
}

async function insertVersion(
  { sql }: Open,
  { no, version }: { readonly no: number; readonly version: number },
  row: Omit<NewVersionRecord, 'tags' | 'files'> & { readonly body: string | null },
): Promise<number> {
  const [made] = await sql.all(
    `INSERT INTO versions (model, version, user_name, stage, description, source, run, run_link, logged_model, status, status_message, created, updated, digest, body)
      VALUES (?, ?, ?, 'None', ?, ?, ?, ?, ?, 'READY', '', ?, ?, ?, ?) RETURNING no`,
    [
      no,
      version,
      row.user,
      row.description,
      row.source,
      row.run,
      row.runLink,
      row.loggedModel,
      row.at,
      row.at,
      row.digest,
      row.body,
    ],
  );
  return numberOf(made, 'no');
}

/** The version needs these contents from now on; claims on them have done their work. */
async function nameContents(
  open: Open,
  owner: number,
  digests: readonly string[],
  which: 'named' | 'any',
): Promise<void> {
  const rows = [...new Set(digests)].map((digest) => [owner, digest]);
  await insertRows(open, 'version_contents (owner, digest)', rows, 'ON CONFLICT DO NOTHING');
  if (which === 'named') await checkStillThere(open.sql, owner, [...new Set(digests)]);
  await releaseClaims(open.sql, [...new Set(digests)]);
}

/**
 * The files were read before this transaction: one that lost its last name since then may be erased already. The rows of the version
 * are there, so that the collector waits. Error: REGISTRY_ABSENT.
 */
async function checkStillThere(sql: Sql, owner: number, digests: readonly string[]): Promise<void> {
  for (let at = 0; at < digests.length; at += 500) {
    const part = digests.slice(at, at + 500);
    const needed = await neededContents(sql, part, owner);
    const gone = part.find((digest) => !needed.has(digest));
    if (gone !== undefined) throw fail('REGISTRY_ABSENT', { kind: 'artefact', name: gone });
  }
}
