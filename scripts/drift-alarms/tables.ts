import { readFileSync, writeFileSync } from 'node:fs';
import { chiSquareSf } from '../../src/stats/distributions/chi-square.ts';
import { FEATURES, QUARTER } from './judge.ts';
import { REFERENCE_ROWS } from './references.ts';
import type { CellResult, Sizes } from './result.ts';

const PAGE = new URL('../../docs/internals/drift-false-alarms.md', import.meta.url);
const BEGIN = '<!-- written by scripts/drift-alarms/main.ts -->';
const END = '<!-- end -->';
/** Sizes, dependences and seasons. */
const CELLS = 5 * 3 * 2;

/** Writes the tables of all cells into docs/internals/drift-false-alarms.md. */
export function writeTables(
  results: readonly CellResult[],
  { seed, sizes }: { readonly seed: number; readonly sizes: Sizes },
): void {
  const cells = results.toSorted(
    (a, b) => a.cell.n - b.cell.n || a.cell.rho - b.cell.rho || a.cell.season - b.cell.season,
  );
  const text = `${BEGIN}

A run is one model for 90 days: ${FEATURES} features, ${count(QUARTER)} hourly windows, nothing drifts. A cell has ${sizes.runs} runs, which is ${count(sizes.runs * QUARTER)} judged windows. Each
feature has its own training set of four weeks, ${count(REFERENCE_ROWS)} rows, one of ${count(sizes.references)}. Numbers are AR(1) from row to row. Seed ${seed}. Pages are those in 90 days, with a 95 % interval.
*default* pages when an alarm begins; *most* is the worst run. The other rules page for each window in which a feature is beyond them. The counts of psi>0.2 are from the same windows,
those of ks<0.05 and Evidently from ${count(sizes.looks)} windows of 60 training sets. Evidently's default is W1 over the standard deviation from 0.1; its data set alarm needs half of the features. *drift* is the share of windows that
the default calls drift, before 2 of 3. Where weekends differ, the training sets have instants, so that a window is compared with [the same hours](../guide/monitors.md#seasons-of-monitors) of the week. The other rules know no hours.
${cells.length === CELLS ? '' : `Done are ${cells.length} of ${CELLS} cells; the script continues with the others.\n`}
| rows of a window | autocorrelation | weekend shift, sd | default, pages | most | drift | psi>0.2, pages | ks<0.05, pages | Evidently, pages | Evidently, data set |
|---|---|---|---|---|---|---|---|---|---|
${cells.map(lineOf).join('\n')}

The default needs 300 rows of a window: below, it answers \`insufficient\`. A shift of half a standard deviation in one of ${FEATURES} features is found within three windows. The ${sizes.power} runs draw from
at least 60 windows and 60 training sets. At an autocorrelation of 0.9 the mean of 300 rows is that of about 16 independent ones, of 1,000 rows that of 53.
These are too few for half a standard deviation.

| rows of a window | autocorrelation | found |
|---|---|---|
${cells.flatMap(powerLine).join('\n')}

${END}`;
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  if (rest === undefined) throw new Error(`docs/internals/drift-false-alarms.md has no ${BEGIN}`);
  writeFileSync(PAGE, `${before}${text}${rest.slice(rest.indexOf(END) + END.length)}`);
  console.log(text);
}

function lineOf({ cell, pages, psi, looks }: CellResult): string {
  const total = pages.reduce((sum, one) => sum + one, 0);
  const runs = pages.length;
  const [low, high] = poissonInterval(total).map((end) => end / runs);
  const judged = looks.insufficient === looks.windows;
  const own = judged
    ? ['insufficient', '–', '–']
    : [
        `${places(total / runs)} (${places(low)}–${places(high)})`,
        Math.max(...pages),
        `${((100 * looks.drift) / looks.windows).toFixed(1)} %`,
      ];
  const others = [looks.ks, looks.evidently, looks.evidentlyHalf].map((windows) => share(windows, looks.windows));
  return `| ${[count(cell.n), cell.rho, cell.season, ...own, share(psi, runs * QUARTER), ...others].join(' | ')} |`;
}

function powerLine({ cell, found, sizes, looks }: CellResult): readonly string[] {
  if (cell.season > 0) return [];
  const text = looks.insufficient === looks.windows ? 'insufficient' : `${found} of ${sizes.power}`;
  return [`| ${count(cell.n)} | ${cell.rho} | ${text} |`];
}

/** Pages in 90 days of a rule that alarms in `hits` of `windows`, with Wilson's interval (1927). */
function share(hits: number, windows: number): string {
  const z = 1.96;
  const p = hits / windows;
  const scale = 1 + z ** 2 / windows;
  const middle = (p + z ** 2 / (2 * windows)) / scale;
  const half = (z / scale) * Math.sqrt((p * (1 - p)) / windows + z ** 2 / (4 * windows ** 2));
  const pages = (value: number) => count(Math.round(Math.min(1, Math.max(0, value)) * QUARTER));
  return `${pages(p)} (${pages(middle - half)}–${pages(middle + half)})`;
}

/** The exact 95 % interval of a Poisson mean (Garwood 1936), by halving. */
function poissonInterval(total: number): readonly [number, number] {
  const quantile = (upper: number, df: number): number => {
    let [low, high] = [0, 4 * df + 100];
    for (let step = 0; step < 100; step += 1) {
      const middle = (low + high) / 2;
      if (chiSquareSf(middle, df) > upper) low = middle;
      else high = middle;
    }
    return low / 2;
  };
  return [total === 0 ? 0 : quantile(0.975, 2 * total), quantile(0.025, 2 * total + 2)];
}

function places(value: number): string {
  return value.toFixed(2);
}

function count(value: number): string {
  return value.toLocaleString('en');
}
