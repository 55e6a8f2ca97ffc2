import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { compareTables } from '../src/monitoring/detect/compare-tables.ts';
import { profileTableFile } from '../src/monitoring/profile/profile-table.ts';
import { openTableFile } from '../src/site/table-files.ts';
import { printFigure } from './figure.ts';

/**
 * `drift compare` next to Evidently's preset, and `drift profile` next to whylogs, on the same files of HEADRACE_DRIFT_ROWS ×
 * HEADRACE_DRIFT_COLUMNS. HEADRACE_DRIFT_VENVS is the folder that scripts/yardstick/drift-venvs.sh made.
 */
const rows = Number(process.env['HEADRACE_DRIFT_ROWS'] ?? 1_000_000);
const columns = Number(process.env['HEADRACE_DRIFT_COLUMNS'] ?? 20);
const venvs = process.env['HEADRACE_DRIFT_VENVS'] ?? '';
const size = `${rows} rows × ${columns} columns`;

if (!existsSync(join(venvs, 'evidently', '.ready')) || !existsSync(join(venvs, 'whylogs', '.ready')))
  console.log(`skipped: HEADRACE_DRIFT_VENVS names no folder with the environments of evidently and whylogs`);
else await measured(venvs);

async function measured(from: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-drift-tools-'));
  try {
    const paths = await written(folder);
    const tables = [await openTableFile(paths[0]), await openTableFile(paths[1])] as const;
    const options = {
      rule: { kind: 'default' },
      windowsPerDay: 1,
      slice: null,
      time: null,
      season: 'none',
      ignore: [],
      features: [],
    } as const;
    const compared = await cpuSeconds(() => compareTables(...tables, options));
    const profiled = await cpuSeconds(() => profileTableFile(tables[0]));
    for (const table of tables) await table.close();
    // The files were written in this process too: it never had less.
    const peakMiB = process.resourceUsage().maxRSS / 1024;
    const evidently = tool(from, 'evidently', paths);
    const whylogs = tool(from, 'whylogs', paths);
    print(`drift compare, ${size}`, 'CPU s', compared, ['Evidently, drift preset', evidently.cpuS], 1 / 20);
    print(
      `drift compare, ${size}, with the files written`,
      'MiB',
      peakMiB,
      ['Evidently, drift preset', evidently.peakMiB],
      1,
    );
    print(`drift profile, ${size}`, 'CPU s', profiled, ['whylogs', whylogs.cpuS], 1 / 5);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(
  name: string,
  unit: string,
  value: number,
  [yardstick, yardstickValue]: readonly [string, number],
  atMost: number,
) {
  printFigure({ name, unit, value, yardstick, yardstickValue, aim: { of: 'ratio', atMost } });
}

async function written(folder: string): Promise<readonly [string, string]> {
  const paths = [join(folder, 'a.parquet'), join(folder, 'b.parquet')] as const;
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const normal = (c: number) => `sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random()) AS c${c}`;
  const list = Array.from({ length: columns }, (_, c) => normal(c)).join(', ');
  for (const path of paths)
    await connection.run(`COPY (SELECT ${list} FROM range(${rows})) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return paths;
}

async function cpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function tool(
  from: string,
  name: string,
  paths: readonly string[],
): { readonly cpuS: number; readonly peakMiB: number } {
  const python = join(from, name, 'bin', 'python');
  const run = spawnSync(python, ['scripts/yardstick/drift_tools.py', name, ...paths], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as { cpuS: number; peakMiB: number };
}
