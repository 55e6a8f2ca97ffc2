import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { root, runCommand } from '../run-command.ts';
import { peerPython } from '../yardstick/peers.ts';
import { faultRuns } from './faults.ts';
import { flightRuns } from './flights.ts';
import { madeRuns } from './made.ts';
import { otherRuns } from './others.ts';
import type { Check, DriftRun, Replayed } from './run.ts';
import { streamRuns } from './streams.ts';

/**
 * Replays files of ../shared by themselves, each by one call of `headrace drift replay`, and checks the decision log against the
 * expected answers: `node --conditions=headrace-source scripts/drift-runs/main.ts [name…] [--twice] [--out folder]`. `--twice` replays
 * each again and compares the logs; `--kept` checks the files below `--out` again, without a replay and LightGBM. `--page` writes docs/internals/drift-runs.md from all results below `--out`. Without names all of them, which takes an hour of one core.
 */
const words = process.argv.slice(2);
const twice = words.includes('--twice');
const kept = words.includes('--kept');
const outAt = words.indexOf('--out');
const out = outAt < 0 ? null : words[outAt + 1];
const names = words.filter((word, i) => !word.startsWith('--') && (outAt < 0 || i !== outAt + 1));
const data = join(root, '../shared/data');

const all = [...streamRuns, ...otherRuns, ...flightRuns, ...faultRuns, ...madeRuns];
const runs = all.filter(
  ({ name }) =>
    names.length === 0 ||
    names.some((one) => (all.some((run) => run.name === one) ? name === one : name.startsWith(one))),
);
if (runs.length === 0) throw new Error(`no run of the name ${names.join(', ')}`);
if (!existsSync(data)) {
  console.error(`SKIPPED: ${data} is missing`);
  process.exit(0);
}
const scratch = mkdtempSync(join(tmpdir(), 'headrace-drift-runs-'));
let failed = 0;
try {
  for (const run of runs) {
    const path = await prepared(run);
    const first = kept ? readReplay(folderOf(run)) : await replayed(run, path);
    if (!kept && run.without !== undefined)
      await replayed({ name: `${run.name}-without`, args: [...run.args, ...run.without] }, path);
    const checks = [...common(first), ...run.checks(first, folderOf(run))];
    if (kept) checks.push(...checksOf(run).filter(({ name }) => checks.every((one) => one.name !== name)));
    else checks.push(...(await again(run, path, first)), ...(await beside(run, path)));
    if (out !== null) writeFileSync(join(out, run.name, 'checks.json'), JSON.stringify(checks));
    console.log(run.name);
    for (const { name, passed, found } of checks) console.log(`  ${passed ? '✓' : '✗'} ${name}: ${found}`);
    failed += checks.filter(({ passed }) => !passed).length;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (words.includes('--page') && out !== null) writePage();
process.exitCode = failed === 0 ? 0 : 1;

/** Whether a second replay gives the same log. */
async function again(run: DriftRun, path: string, { log }: Replayed): Promise<readonly Check[]> {
  if (!twice) return [];
  const second = await replayed(run, path);
  const passed = JSON.stringify(second.log) === JSON.stringify(log);
  return [{ name: 'the same decision log twice', passed, found: `${log.length} and ${second.log.length} lines` }];
}

/** Checks against LightGBM, where a run has some. */
async function beside(run: DriftRun, path: string): Promise<readonly Check[]> {
  return run.beside === undefined ? [] : run.beside(await peerPython('lightgbm'), path, folderOf(run));
}

/** The table of docs/internals/drift-runs.md: rows of runs without results below `--out` stay. */
function writePage(): void {
  const begin = '<!-- written by scripts/drift-runs/main.ts -->';
  const page = join(root, 'docs/internals/drift-runs.md');
  const [text, written = ''] = readFileSync(page, 'utf8').split(begin);
  const lines = all.flatMap(({ name }) => {
    const checks = checksOf({ name });
    if (checks.length === 0) return written.split('\n').filter((line) => line.startsWith(`| ${name} |`));
    return checks.map(({ name: what, passed, found }) => `| ${name} | ${passed ? '✓' : '✗'} ${what} | ${found} |`);
  });
  const table = ['| run | expected | found |', '|---|---|---|', ...lines].join('\n');
  writeFileSync(page, `${text.trimEnd()}\n\n${begin}\n\n${table}\n`);
}

/** The file of a run: as it is, or as its SQL makes it. */
async function prepared({ name, table = name, files, prepare }: DriftRun): Promise<string> {
  const paths = files.map((file) => join(data, file));
  if (prepare === null) return paths.join(',');
  const target = join(out ?? scratch, `${table}.parquet`);
  // A table of an earlier call is made of the same files.
  if (existsSync(target)) return target;
  mkdirSync(out ?? scratch, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const list = `[${paths.map((path) => `'${path}'`).join(', ')}]`;
  await connection.run(`COPY (${prepare.replaceAll('{files}', list)}) TO '${target}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return target;
}

function folderOf({ name }: Pick<DriftRun, 'name'>): string {
  return join(out ?? scratch, name);
}

async function replayed({ name, args }: Pick<DriftRun, 'name' | 'args'>, path: string): Promise<Replayed> {
  const main = join(root, 'src/cli/main.ts');
  const folder = folderOf({ name });
  const call = ['--conditions=headrace-source', main, 'drift', 'replay', path, ...args, '--out', folder];
  const { code, output, stdout } = await runCommand(process.execPath, call, { limitMs: null });
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${output.slice(-3000)}`);
  writeFileSync(join(folder, 'replay.txt'), stdout);
  return readReplay(folder);
}

/** The files that a replay wrote. */
function readReplay(folder: string): Replayed {
  const lines = <T>(file: string): readonly T[] =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  return {
    log: lines('decisions.jsonl'),
    windows: lines('windows.jsonl'),
    summary: JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as Replayed['summary'],
  };
}

/** Checks of an earlier call below `--out`. */
function checksOf({ name }: Pick<DriftRun, 'name'>): readonly Check[] {
  const path = join(folderOf({ name }), 'checks.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as readonly Check[]) : [];
}

function common({ summary }: Replayed): readonly Check[] {
  return [
    {
      name: 'the same decisions follow from the journal',
      passed: summary.replayDiffers === 0,
      found: String(summary.replayDiffers),
    },
    {
      name: 'nothing failed outside of a call',
      passed: summary.faults.length === 0,
      found: summary.faults.join('; ') || 'nothing',
    },
  ];
}
