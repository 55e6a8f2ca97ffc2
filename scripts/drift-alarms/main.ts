import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { knownReferences, looksOf, powerOf, profilesOf } from './looks.ts';
import { countWindows } from './pools.ts';
import { type Cell, countedReferences, quarterOf, referencesOf, shareTable } from './quarter.ts';
import type { CellResult } from './result.ts';
import { writeTables } from './tables.ts';

/**
 * Simulates quarters in which nothing drifts and writes the tables of docs/internals/drift-false-alarms.md: `node --conditions=headrace-source
 * scripts/drift-alarms/main.ts`. A cell that is done is a line of HEADRACE_ALARM_RESULTS, so that the script can be stopped and started
 * again, also for some autocorrelations alone (HEADRACE_ALARM_RHO); `tables` as an argument writes what is done. The whole takes about 15 minutes of one core. Sizes by environment: HEADRACE_ALARM_RUNS
 * (200 quarters a cell), HEADRACE_ALARM_REFERENCES (300), HEADRACE_ALARM_POOL_ROWS (20 million), HEADRACE_ALARM_LOOKS and HEADRACE_ALARM_POWER (100).
 */
const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const seed = number('HEADRACE_SEED', 20_261_128);
const sizes = {
  runs: number('HEADRACE_ALARM_RUNS', 200),
  references: number('HEADRACE_ALARM_REFERENCES', 300),
  poolRows: number('HEADRACE_ALARM_POOL_ROWS', 20_000_000),
  looks: number('HEADRACE_ALARM_LOOKS', 100),
  power: number('HEADRACE_ALARM_POWER', 100),
};
const results = process.env['HEADRACE_ALARM_RESULTS'] ?? join(tmpdir(), `headrace-drift-alarms-${seed}.jsonl`);

const NS = [50, 300, 1000, 10_000, 1_000_000];
const RHOS = (process.env['HEADRACE_ALARM_RHO'] ?? '0.9,0.5,0').split(',').map(Number);
const SEASON = 0.3;
/** The shift that must be found, in standard deviations. */
const SHIFT = 0.5;
/** Rows of a window below which the default does not judge. */
const LEAST_ROWS = 300;
const MOST_WINDOWS = 1_000_000;
/** Training sets that are profiled for rules which need more than counts. */
const PROFILED = 60;
/** Quarters of a cell that the default does not judge. */
const UNJUDGED_RUNS = 5;

/** Windows that are profiled for them: rare ones must be among them. */
const profiledWindows = (n: number) => Math.max(10, Math.min(3000, Math.floor(2_000_000 / n)));

const isSame = (a: Cell, b: Cell) => a.n === b.n && a.rho === b.rho && a.season === b.season;
const done = (): readonly CellResult[] =>
  existsSync(results)
    ? readFileSync(results, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line): CellResult => JSON.parse(line))
        .filter((one) => one.seed === seed && JSON.stringify(one.sizes) === JSON.stringify(sizes))
    : [];

for (const rho of process.argv.includes('tables') ? [] : RHOS) {
  const cells = NS.flatMap((n) => [0, SEASON].map((season): Cell => ({ n, rho, season })));
  const missing = cells.filter((cell) => !done().some((one) => isSame(one.cell, cell)));
  for (const season of [0, SEASON]) {
    const ofSeason = missing.filter((cell) => cell.season === season);
    if (ofSeason.length === 0) continue;
    const counted = countedReferences({ seed, rho, season }, sizes.references);
    const known = await knownReferences({ seed, rho, season }, PROFILED);
    for (const cell of ofSeason) await simulate(cell, counted, known);
  }
}
writeTables(done(), { seed, sizes });

async function simulate(
  cell: Cell,
  counted: ReturnType<typeof countedReferences>,
  known: Awaited<ReturnType<typeof knownReferences>>,
): Promise<void> {
  const started = process.cpuUsage();
  const { n, rho, season } = cell;
  const windows = Math.min(MOST_WINDOWS, Math.floor(sizes.poolRows / n));
  const [weekdays, weekends = weekdays] = countWindows({ seed, n, rho }, windows, season === 0 ? [0] : [0, season]);
  const references = referencesOf(counted, n);
  const table = shareTable(n);
  const pages: number[] = [];
  let psi = 0;
  const runs = n < LEAST_ROWS ? Math.min(UNJUDGED_RUNS, sizes.runs) : sizes.runs;
  for (let run = 0; run < runs; run += 1) {
    const quarter = await quarterOf({ cell, seed, run, references, windows: [weekdays, weekends], table });
    // Fewer rows than the default needs are `insufficient`: the looks below say so.
    pages.push(n < LEAST_ROWS ? 0 : quarter.pages);
    psi += quarter.psi;
  }
  const shifts = season === 0 ? [0, SHIFT] : [0, season];
  const profiles = profilesOf(cell, seed, { known, windows: profiledWindows(n), shifts });
  const looks = looksOf(cell, seed, profiles, sizes.looks);
  const found =
    season === 0 && n >= LEAST_ROWS ? powerOf(cell, seed, profiles, { shift: SHIFT, runs: sizes.power }) : null;
  const { user, system } = process.cpuUsage(started);
  const cpuSeconds = Math.round((user + system) / 1e5) / 10;
  const result: CellResult = { seed, sizes, cell, pool: windows, pages, psi, looks, found, cpuSeconds };
  appendFileSync(results, `${JSON.stringify(result)}\n`);
  const total = pages.reduce((sum, one) => sum + one, 0);
  console.error(
    `seed ${seed} n ${n} rho ${rho} season ${season}: ${total} pages in ${pages.length} quarters, ${JSON.stringify(looks)}, found ${found}, ${cpuSeconds} CPU s`,
  );
}
