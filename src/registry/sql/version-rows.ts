import { fail } from '../../base/errors/fail.ts';
import type {
  ModelVersion,
  VersionFile,
  VersionRecord,
  VersionStage,
  VersionStatus,
} from '../../ports/model-registry.ts';
import type { Sql, SqlRow } from '../../ports/sql-database.ts';
import { numbersOf } from './compile-query.ts';
import { numberOf, rowsByOwner, textOf, textsByOwner } from './rows.ts';

/** Versions with the name of their model: what every statement that reads versions selects. */
export const VERSION_ROWS = 'SELECT v.*, m.name AS model_name FROM versions v JOIN models m ON m.no = v.model';

/** Records from rows of {@link VERSION_ROWS}, without their files. */
export async function recordsOf(sql: Sql, rows: readonly SqlRow[]): Promise<readonly VersionRecord[]> {
  if (rows.length === 0) return [];
  const owners = numbersOf(rows);
  const tags = await textsByOwner(sql, 'version_tags', owners);
  const aliases = await rowsByOwner(
    sql,
    `SELECT v.no AS owner, a.alias, a.seal FROM versions v JOIN aliases a ON a.model = v.model AND a.version = v.version WHERE v.no IN`,
    owners,
    'v.no, a.alias',
  );
  return rows.map((row) => {
    const no = numberOf(row, 'no');
    return {
      model: textOf(row, 'model_name'),
      version: numberOf(row, 'version'),
      createdAt: numberOf(row, 'created'),
      updatedAt: numberOf(row, 'updated'),
      user: textOf(row, 'user_name'),
      stage: textOf(row, 'stage') as VersionStage,
      description: textOf(row, 'description'),
      source: textOf(row, 'source'),
      run: textOf(row, 'run'),
      runLink: textOf(row, 'run_link'),
      loggedModel: textOf(row, 'logged_model'),
      status: textOf(row, 'status') as VersionStatus,
      statusMessage: textOf(row, 'status_message'),
      tags: tags(no),
      aliases: (aliases.get(no) ?? []).map((one) => textOf(one, 'alias')),
      seals: (aliases.get(no) ?? []).flatMap((one) =>
        one['seal'] === null ? [] : [{ alias: textOf(one, 'alias'), seal: textOf(one, 'seal') }],
      ),
      digest: row['digest'] === null ? null : textOf(row, 'digest'),
      files: [],
      trained: row['body'] === null ? null : trainedOf(row),
    };
  });
}

/** The record of a row of {@link VERSION_ROWS}, with its files. */
export async function wholeRecord(sql: Sql, row: SqlRow): Promise<VersionRecord> {
  const [record] = await recordsOf(sql, [row]);
  return { ...record, files: await filesOf(sql, numberOf(row, 'no')) };
}

/** The files of a version, by path. */
async function filesOf(sql: Sql, no: number): Promise<readonly VersionFile[]> {
  const rows = await sql.all('SELECT path, digest, size FROM version_files WHERE owner = ? ORDER BY path', [no]);
  return rows.map((row) => ({
    path: textOf(row, 'path'),
    digest: textOf(row, 'digest'),
    sizeBytes: numberOf(row, 'size'),
  }));
}

/** The version as a training job registered it. The model's name is that of now. */
export function trainedOf(row: SqlRow): ModelVersion {
  return {
    ...(JSON.parse(textOf(row, 'body')) as ModelVersion),
    model: textOf(row, 'model_name'),
    version: numberOf(row, 'version'),
  };
}

/** The row of a version. Error: REGISTRY_VERSION. */
export async function versionRow(sql: Sql, model: string, version: number): Promise<SqlRow> {
  const row = await maybeVersionRow(sql, model, version);
  if (row === null) throw fail('REGISTRY_VERSION', { model, version });
  return row;
}

/** The row of a version; null: there is none. */
export async function maybeVersionRow(sql: Sql, model: string, version: number): Promise<SqlRow | null> {
  if (!Number.isSafeInteger(version)) return null;
  const [row] = await sql.all(`${VERSION_ROWS} WHERE m.name = ? AND v.version = ?`, [model, version]);
  return row ?? null;
}
