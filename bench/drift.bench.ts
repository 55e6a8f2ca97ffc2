import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { root } from '../scripts/run-command.ts';
import { peerPython } from '../scripts/yardstick/peers.ts';
import { compareTables } from '../src/monitoring/detect/compare-tables.ts';
import { openTableFile } from '../src/site/table-files.ts';
import { printFigure } from './figure.ts';

/**
 * `drift compare` on two files of HEADRACE_DRIFT_ROWS × HEADRACE_DRIFT_COLUMNS normal columns, next to numpy PSI and scipy KS on the
 * same files.
 */
const rows = Number(process.env['HEADRACE_DRIFT_ROWS'] ?? 1_000_000);
const columns = Number(process.env['HEADRACE_DRIFT_COLUMNS'] ?? 20);
/** Values of a file whose comparison has a limit of CPU time: 1,000,000 rows × 100 columns. */
const LARGE = 100_000_000;
const folder = mkdtempSync(join(tmpdir(), 'headrace-drift-bench-'));
try {
  const paths = [join(folder, 'a.parquet'), join(folder, 'b.parquet')];
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  for (const path of paths) {
    const normal = (c: number) => `sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random()) AS c${c}`;
    const list = Array.from({ length: columns }, (_, c) => normal(c)).join(', ');
    await connection.run(`COPY (SELECT ${list} FROM range(${rows})) TO '${path}' (FORMAT parquet)`);
  }
  connection.closeSync();
  instance.closeSync();
  const before = process.cpuUsage();
  const tables = [await openTableFile(paths[0]), await openTableFile(paths[1])] as const;
  const comparison = await compareTables(...tables, {
    rule: { kind: 'default' },
    windowsPerDay: 1,
    slice: null,
    time: null,
    season: 'none',
    ignore: [],
    features: [],
  });
  for (const table of tables) await table.close();
  const { user, system } = process.cpuUsage(before);
  const ours = (user + system) / 1e6;
  const name = `drift compare of two files, ${rows} rows × ${columns} columns`;
  const python = await peerPython('arrays');
  const run = spawnSync(python, ['scripts/yardstick/drift.py', ...paths], { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  const yard = JSON.parse(run.stdout) as { cpuS: number; columns: Record<string, { psi: number; d: number }> };
  for (const { name: column, evidence, effect } of comparison.features) {
    const theirs = yard.columns[column];
    if (Math.abs((evidence?.statistic ?? 0) - theirs.d) > 1e-12 || Math.abs((effect?.psi ?? 0) - theirs.psi) > 1e-9)
      throw new Error(`${column} differs from the yardstick`);
  }
  printFigure({
    name,
    unit: 'CPU s',
    value: ours,
    yardstick: 'numpy PSI and scipy KS',
    yardstickValue: yard.cpuS,
    aim: { of: 'ratio', atMost: 3 },
  });
  if (rows * columns === LARGE)
    printFigure({
      name,
      unit: 'CPU s in all',
      value: ours,
      yardstick: null,
      yardstickValue: null,
      aim: { of: 'value', atMost: 26 },
    });
  printFigure({
    name: `${name}: the greatest memory, of the process that wrote the files too`,
    unit: 'MiB',
    value: process.resourceUsage().maxRSS / 1024,
    yardstick: null,
    yardstickValue: null,
    aim: { of: 'value', atMost: 1_024 },
  });
  console.log(`verdict ${comparison.verdict}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
