/** The SQLite files in the directory of an environment. */
export const databases = ['registry.sqlite', 'rollouts.sqlite', 'alerts.sqlite', 'playbooks.sqlite'] as const;

/** The same with the files that SQLite keeps next to each. */
export const databaseFiles: readonly string[] = databases.flatMap((name) => [name, `${name}-shm`, `${name}-wal`]);
