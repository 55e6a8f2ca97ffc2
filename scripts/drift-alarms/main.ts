import { readFileSync, writeFileSync } from 'node:fs';
import { type Cell, FEATURES, falseAlarms, power } from './simulate.ts';

/**
 * Simulates hourly windows in which nothing drifts and writes the table of docs/guide/drift.md: `node --conditions=headrace-source
 * scripts/drift-alarms/main.ts`. HEADRACE_ALARM_ROWS is the number of rows of a cell (3 million; the whole table takes about ten
 * minutes of one core), HEADRACE_SEED the seed. More rows are more windows.
 */
const PAGE = new URL('../../docs/guide/drift.md', import.meta.url);
const BEGIN = '<!-- written by scripts/drift-alarms/main.ts -->';
const END = '<!-- end -->';
const rows = Number(process.env['HEADRACE_ALARM_ROWS'] ?? 3_000_000);
const seed = Number(process.env['HEADRACE_SEED'] ?? 20_261_128);
/** Windows of 90 days. */
const QUARTER = 2160;

const cells: Cell[] = [50, 300, 1000, 10_000, 1_000_000].flatMap((n) =>
  [0, 0.9].flatMap((rho) => [0, 0.3].map((season) => ({ n, rho, season }))),
);

const lines: string[] = [];
for (const cell of cells) {
  // A cell of the greatest windows has fewer of them: three at least.
  const windows = Math.max(cell.n > 100_000 ? 3 : 24, Math.min(QUARTER, Math.floor(rows / (cell.n * FEATURES))));
  const started = process.cpuUsage();
  const { pages, evidentlyHalf } = falseAlarms(cell, windows, seed);
  const { user, system } = process.cpuUsage(started);
  const quarter = (count: number) => String(Math.round((count / windows) * QUARTER));
  const line = `| ${cell.n.toLocaleString('en')} | ${cell.rho} | ${cell.season} | ${windows} | ${pages.default} | ${quarter(pages.psi)} | ${quarter(pages.ks)} | ${quarter(pages.evidently)} | ${quarter(evidentlyHalf)} |`;
  lines.push(line);
  console.error(`${line} ${((user + system) / 1e6).toFixed(1)} CPU s`);
}

const RUNS = 10;
const found = [300, 1000, 10_000].flatMap((n) =>
  [0, 0.9].map((rho) => {
    const runs = n > 1000 ? Math.ceil(RUNS / 5) : RUNS;
    const hits = power({ n, rho, season: 0 }, 0.5, runs, seed);
    const line = `| ${n.toLocaleString('en')} | ${rho} | ${hits} of ${runs} |`;
    console.error(line);
    return line;
  }),
);

const text = `${BEGIN}

${FEATURES} features, hourly windows, a reference of four weeks, nothing drifts. Seed ${seed}. *default* counts the alarms of all simulated windows: they begin
when 2 of 3 windows drift. The other columns are pages in 90 days, one for each window in which the rule alarms for at least one feature.
Evidently's default is W1 over the standard deviation from 0.1; its data set alarm needs half of the features.

| rows of a window | autocorrelation | weekend shift, sd | windows | default, alarms | psi>0.2, pages | ks<0.05, pages | Evidently, pages | Evidently, data set |
|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}

The default needs 300 rows of a window: below, it answers \`insufficient\`. A shift of half a standard deviation in one of ${FEATURES} features is found within three windows:

| rows of a window | autocorrelation | found |
|---|---|---|
${found.join('\n')}

${END}`;

const page = readFileSync(PAGE, 'utf8');
const [before, rest] = page.split(BEGIN);
if (rest === undefined) throw new Error(`docs/guide/drift.md has no ${BEGIN}`);
writeFileSync(PAGE, `${before}${text}${rest.slice(rest.indexOf(END) + END.length)}`);
console.log(text);
