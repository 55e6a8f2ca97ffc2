import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ProjectData } from 'headrace';
import { resolveEnvironment } from '../src/environment/config.ts';
import { loadEnvironmentPast } from '../src/site/load-past.ts';
import { purchases } from './shop.ts';

const HOUR_MS = 3_600_000;

/**
 * Three purchases of each user, 3, 10 and 20 hours before `now`, in a Parquet file that goes into the history of a directory as
 * `headrace ingest --bootstrap` puts it there. One more, of the present, tells the load how old these are; it is not taken.
 */
export async function loadLargePast(
  project: ProjectData,
  { directory, users, now }: { readonly directory: string; readonly users: number; readonly now: number },
): Promise<void> {
  const folder = `${directory}-past`;
  mkdirSync(folder);
  const path = join(folder, 'purchases.parquet');
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GiB', temp_directory: folder });
  const connection = await instance.connect();
  try {
    await connection.run(`COPY (
      SELECT 'h' || u || '-' || n AS id, ${now} - [3, 10, 20][n + 1] * ${HOUR_MS} + u % 60000 AS "at", 'u' || u AS "user",
        (u * 3 + n) * 31 % 1000 AS price, (u * 3 + n) % 9 AS items FROM range(${users}) AS users(u), range(3) AS each(n)
      UNION ALL SELECT 'newest', ${now} - 1, 'u0', 1, 1) TO '${path}' (FORMAT PARQUET)`);
    const files = { paths: [path], format: null, columns: {}, byTime: true };
    const environment = resolveEnvironment('local', { directory, sampleRate: 0, memory: 2 ** 30 }, project.name);
    const loaded = await loadEnvironmentPast(project, environment, [{ source: purchases, files }]);
    if (loaded.get(purchases) !== 3 * users) throw new Error(`${loaded.get(purchases)} events were loaded`);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}
