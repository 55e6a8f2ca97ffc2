import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { spark } from '../scripts/services/spark.ts';
import { SparkApplication } from '../src/backends/spark/session.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory } from './shop.ts';

/**
 * The profile of one Parquet file by Spark against hand-written SQL of Spark for the same counts, in one application, in turns: rows,
 * missing values, ten bins, different values, moments, extremes and quantiles of every column.
 */
const { SPARK_HOME: home = '' } = (await spark.status()) ?? {};
const rows = Number(process.env['HEADRACE_DRIFT_ROWS'] ?? 1_000_000);
const columns = Number(process.env['HEADRACE_DRIFT_COLUMNS'] ?? 20);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 3);
const name = `profile of ${rows} rows × ${columns} columns by Spark`;
const folder = scratchDirectory();
const path = join(folder, 'table.parquet');
const names = Array.from({ length: columns }, (_, c) => `c${c}`);
const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
const normal = 'sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random())';
await connection.run(
  `COPY (SELECT ${names.map((c) => `${normal} AS ${c}`).join(', ')} FROM range(${rows})) TO '${path}' (FORMAT parquet)`,
);
connection.closeSync();
instance.closeSync();

const edges = [-1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28];
const facts = names.flatMap((c) => [
  `COUNT(${c})`,
  `SUM(CASE WHEN ${c} IS NULL THEN 1 ELSE 0 END)`,
  ...[...edges, Number.MAX_VALUE].map((edge, i) => {
    const from = i === 0 ? '' : `${c} >= ${edges[i - 1]}D AND `;
    return `SUM(CASE WHEN ${from}${c} < ${edge}D THEN 1 ELSE 0 END)`;
  }),
  `APPROX_COUNT_DISTINCT(${c})`,
  `AVG(${c})`,
  `VAR_POP(${c})`,
  `MIN(${c})`,
  `MAX(${c})`,
  `PERCENTILE_APPROX(${c}, ARRAY(0.1D, 0.2D, 0.3D, 0.4D, 0.5D, 0.6D, 0.7D, 0.8D, 0.9D), 100)`,
]);
const sql = `SELECT ${facts.map((fact, i) => `${fact} AS f${i}`).join(', ')} FROM t`;
const types = names.map((c) => [c, 'DOUBLE'] as const);

const master = process.env['HEADRACE_BENCH_MASTER'] ?? 'local[2]';
const application = await SparkApplication.start({ home, master, conf: {} }, folder, () => undefined);
let run = 0;
const works = {
  own: async (at: string) => {
    const bins = Object.fromEntries(names.map((c) => [c, { edges }]));
    await application.run({ tables: [], outputs: [], profile: { files: [path], ignore: [], bins, path: at } });
  },
  sql: async (at: string) => {
    const tables = [{ name: 't', columns: types, parts: [{ columns: types, files: [path] }] }];
    await application.run({ tables, outputs: [{ name: 'o', steps: [], sql, path: join(at, 'o'), sliced: false }] });
  },
};
const seconds = { own: [] as number[], sql: [] as number[] };
for (let round = -1; round < ROUNDS; round += 1)
  for (const side of ['own', 'sql'] as const) {
    run += 1;
    const at = join(folder, `run-${run}`);
    mkdirSync(at);
    const started = performance.now();
    await works[side](at);
    if (round >= 0) seconds[side].push((performance.now() - started) / 1_000);
  }
await application.close();
printFigure({
  name,
  unit: 's',
  value: median(seconds.own),
  yardstick: 'hand-written Spark SQL for the same counts',
  yardstickValue: median(seconds.sql),
  aim: { of: 'ratio', atMost: 1.3 },
});
