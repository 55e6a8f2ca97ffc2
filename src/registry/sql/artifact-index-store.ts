import type { ArtifactIndex, FolderEntry, IndexedFile } from '../../ports/artifact-index.ts';
import type { Sql, SqlDatabase, SqlRow } from '../../ports/sql-database.ts';
import { insertRows, marks, numberOf, textOf } from './rows.ts';
import { versionRow } from './version-rows.ts';

/** Contents that one transaction of the collector looks at. */
const COLLECTED_TOGETHER = 20;

/** Tables whose rows need a content. */
const NEEDED_BY = ['artifact_files', 'version_contents', 'held_contents', 'claims'];

/** The names of artefacts in SQL. */
export function artifactIndexStore(database: SqlDatabase): ArtifactIndex {
  const { dialect } = database;
  return {
    claimContent: (digest, at) =>
      database.write(async (sql) => {
        await sql.run('INSERT INTO claims (digest, at) VALUES (?, ?)', [digest, at]);
      }),
    nameFile: ({ path, digest, sizeBytes }, at) =>
      database.write(async (sql) => {
        await sql.run(
          `INSERT INTO artifact_files (path, digest, size, at) VALUES (?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, size = excluded.size, at = excluded.at`,
          [path, digest, sizeBytes, at],
        );
        await releaseClaims(sql, [digest]);
      }),
    file: (path) =>
      database.read(async (sql) => {
        const [row] = await sql.all('SELECT * FROM artifact_files WHERE path = ?', [path]);
        return row === undefined ? null : fileOf(row);
      }),
    folder: (path) => database.read(async (sql) => entriesOf(await below(sql, path), path)),
    filesUnder: (path) =>
      database.read(async (sql) => {
        const [own] = await sql.all('SELECT * FROM artifact_files WHERE path = ?', [path]);
        return own === undefined ? below(sql, path) : [fileOf(own)];
      }),
    unnameFiles: (path, before = Number.MAX_SAFE_INTEGER) =>
      database.write((sql) =>
        sql.run('DELETE FROM artifact_files WHERE at < ? AND (path = ? OR (path >= ? AND path < ?))', [
          before,
          path,
          ...spanOf(path),
        ]),
      ),
    hold: ({ holder, model, version }) =>
      database.write(async (sql) => {
        // The row of the model is the lock: the version is not deleted meanwhile.
        await sql.run('UPDATE models SET updated = updated WHERE name = ?', [model]);
        const row = await versionRow(sql, model, version);
        await sql.run('INSERT INTO holds (holder, model, version) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', [
          holder,
          model,
          version,
        ]);
        const contents = await sql.all('SELECT digest FROM version_contents WHERE owner = ?', [numberOf(row, 'no')]);
        const rows = contents.map((one) => [holder, textOf(one, 'digest')]);
        await insertRows({ sql, dialect }, 'held_contents (holder, digest)', rows, 'ON CONFLICT DO NOTHING');
      }),
    release: (holder) =>
      database.write(async (sql) => {
        for (const table of ['holds', 'held_contents'])
          await sql.run(`DELETE FROM ${table} WHERE holder = ?`, [holder]);
      }),
    holds: () =>
      database.read(async (sql) => {
        const rows = await sql.all('SELECT * FROM holds ORDER BY holder, model, version');
        return rows.map((row) => ({
          holder: textOf(row, 'holder'),
          model: textOf(row, 'model'),
          version: numberOf(row, 'version'),
        }));
      }),
    collect: async (digests, { now, claimMs, erase }) => {
      const erased: string[] = [];
      for (let at = 0; at < digests.length; at += COLLECTED_TOGETHER) {
        const part = digests.slice(at, at + COLLECTED_TOGETHER);
        const work = async (sql: Sql) => {
          // Writers that claim or name a content wait until the transaction ends.
          if (dialect.name === 'postgres')
            await sql.run(`LOCK TABLE ${NEEDED_BY.join(', ')} IN SHARE ROW EXCLUSIVE MODE`);
          await sql.run('DELETE FROM claims WHERE at < ?', [now - claimMs]);
          const needed = await neededContents(sql, part);
          const free = part.filter((digest) => !needed.has(digest));
          for (const digest of free) await erase(digest);
          return free;
        };
        // A name whose removal is not durable yet may come back, and its content could not.
        erased.push(...(await database.write(work, { isAlone: true })));
      }
      return erased;
    },
  };
}

/** Ends one claim on each of the contents: those of other writers stay. */
export async function releaseClaims(sql: Sql, digests: readonly string[]): Promise<void> {
  for (const digest of digests)
    await sql.run('DELETE FROM claims WHERE no = (SELECT MIN(no) FROM claims WHERE digest = ?)', [digest]);
}

/** Those of the contents that something needs, apart from one version. */
export async function neededContents(
  sql: Sql,
  digests: readonly string[],
  apartFrom: number | null = null,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const table of NEEDED_BY) {
    const isOther = table === 'version_contents' && apartFrom !== null;
    const rows = await sql.all(
      `SELECT DISTINCT digest FROM ${table} WHERE digest IN (${marks(digests.length)}) ${isOther ? 'AND owner <> ?' : ''}`,
      isOther ? [...digests, apartFrom] : digests,
    );
    for (const row of rows) needed.add(textOf(row, 'digest'));
  }
  return needed;
}

/** Files below a folder, by path; the root is the empty path. */
async function below(sql: Sql, path: string): Promise<readonly IndexedFile[]> {
  const rows =
    path === ''
      ? await sql.all('SELECT * FROM artifact_files ORDER BY path')
      : await sql.all('SELECT * FROM artifact_files WHERE path >= ? AND path < ? ORDER BY path', spanOf(path));
  return rows.map(fileOf);
}

/** `0` comes after `/`, so the paths between are those below the folder. */
export function spanOf(path: string): readonly [from: string, before: string] {
  return [`${path}/`, `${path}0`];
}

function entriesOf(files: readonly IndexedFile[], path: string): readonly FolderEntry[] {
  const start = path === '' ? 0 : path.length + 1;
  const entries = new Map<string, FolderEntry>();
  for (const { path: whole, sizeBytes } of files) {
    const rest = whole.slice(start);
    const cut = rest.indexOf('/');
    const name = cut === -1 ? rest : rest.slice(0, cut);
    const isFolder = cut !== -1;
    if (!entries.has(name)) entries.set(name, { name, isFolder, sizeBytes: isFolder ? null : sizeBytes });
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fileOf(row: SqlRow): IndexedFile {
  return { path: textOf(row, 'path'), digest: textOf(row, 'digest'), sizeBytes: numberOf(row, 'size') };
}
