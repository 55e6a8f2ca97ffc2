import { sqliteKinds } from '../backends/embedded/sqlite-kind.ts';

/** The SQLite files in the directory of an environment. */
export const databases: readonly string[] = Object.keys(sqliteKinds).map((name) => `${name}.sqlite`);

/** The same with the files that SQLite keeps next to each. */
export const databaseFiles: readonly string[] = databases.flatMap((name) => [name, `${name}-shm`, `${name}-wal`]);
