import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { root } from '../scripts/run-command.ts';
import { peerPython } from '../scripts/yardstick/peers.ts';
import { compareTables } from '../src/monitoring/detect/compare-tables.ts';
import { profileTableFile } from '../src/monitoring/profile/profile-table.ts';
import { openTableFile } from '../src/site/table-files.ts';
import { printFigure } from './figure.ts';

/**
 * `drift compare` next to the preset of Evidently and the univariate drift of NannyML, and `drift profile` next to whylogs, on the
 * same files of HEADRACE_DRIFT_ROWS × HEADRACE_DRIFT_COLUMNS.
 */
const rows = Number(process.env['HEADRACE_DRIFT_ROWS'] ?? 1_000_000);
const columns = Number(process.env['HEADRACE_DRIFT_COLUMNS'] ?? 20);
const size = `${rows} rows × ${columns} columns`;

await measured();

async function measured(): Promise<void> {
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
    const evidently = await tool('evidently', paths);
    const nannyml = await tool('nannyml', paths);
    const whylogs = await tool('whylogs', paths);
    print(`drift compare, ${size}`, 'CPU s', compared, ['Evidently, drift preset', evidently.cpuS], 1 / 20);
    print(
      `drift compare, ${size}, and of each chunk`,
      'CPU s',
      compared,
      ['NannyML, univariate drift', nannyml.cpuS],
      1 / 10,
    );
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

async function tool(
  name: 'evidently' | 'nannyml' | 'whylogs',
  paths: readonly string[],
): Promise<{ readonly cpuS: number; readonly peakMiB: number }> {
  const args = ['scripts/yardstick/drift_tools.py', name, ...paths];
  const run = spawnSync(await peerPython(name), args, { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout.trimEnd().split('\n').at(-1) ?? '{}') as { cpuS: number; peakMiB: number };
}
