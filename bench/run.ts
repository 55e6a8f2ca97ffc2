import { parseArgs } from 'node:util';
import { cleanCommit } from '../scripts/clean-commit.ts';
import { root, runCommand } from '../scripts/run-command.ts';
import { benchNames, staleBenches } from './age.ts';
import { figureTable } from './figure.ts';
import { type Kept, printedFigures, readResults, writeResults, writtenByBenches } from './kept.ts';
import { machine, quietMachine } from './quiet.ts';

const { values, positionals } = parseArgs({
  options: {
    users: { type: 'string' },
    check: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    limit: { type: 'string', default: '30' },
  },
  allowPositionals: true,
});
/** How long a run waits for a quiet machine before each bench whose figures it keeps. */
const LONGEST_WAIT_MS = 300_000;

// Benches of large stores read it.
if (values.users !== undefined) process.env['HEADRACE_BENCH_USERS'] = values.users;
process.exitCode = await main(positionals);

/**
 * `[NAME…]`: runs the named benches, each in its own process, one after the other, and prints their figures. Without names it runs
 * all whose figures are not yet those of this commit and this machine, and keeps them; `--again` keeps those of the named, and
 * runs all again. `--limit` is for one bench, minutes. `--check` runs none, and says which figures are stale.
 */
async function main(names: readonly string[]): Promise<number> {
  const all = benchNames();
  const unknown = names.filter((name) => !all.includes(name));
  const limitMs = Number(values.limit) * 60_000;
  if (unknown.length > 0 || !(limitMs > 0)) {
    console.error(
      unknown.length > 0 ? `no such bench: ${unknown.join(', ')}; there are ${all.join(', ')}` : '--limit is minutes',
    );
    return 2;
  }
  if (values.check) return check(all);
  if (names.length === 0 || values.again) return keepAll(names.length === 0 ? all : names, limitMs);
  const outcomes = [];
  for (const name of names) outcomes.push(await measured(name, limitMs));
  console.log(`\n${figureTable(outcomes.flatMap((one) => one?.figures ?? []))}\n\nMeasured on ${machine()}.`);
  return outcomes.includes(null) ? 1 : 0;
}

async function check(all: readonly string[]): Promise<number> {
  const stale = await staleBenches(await readResults(), all);
  for (const text of stale) console.log(text);
  console.log(`${all.length} benches, ${stale.length} without figures of the present code`);
  return stale.length === 0 ? 0 : 1;
}

/** Each bench is kept when it is done: a run that was stopped resumes there. */
async function keepAll(names: readonly string[], limitMs: number): Promise<number> {
  const commit = await cleanCommit(writtenByBenches);
  const shorter = Object.keys(process.env).filter((key) => /^HEADRACE_(BENCH|DRIFT)_/.test(key));
  if (commit === null || shorter.length > 0) {
    const why = commit === null ? 'the worktree has changes' : `${shorter.join(', ')} changes what is measured`;
    console.error(`figures are kept of a commit, and of the full form: ${why}`);
    return 2;
  }
  const failed: string[] = [];
  const busy: string[] = [];
  for (const [index, name] of names.entries()) {
    if (!values.again && (await isKept(name, commit))) continue;
    const others = await quietMachine(LONGEST_WAIT_MS);
    console.error(`${name}, ${index + 1} of ${names.length}; others take ${others.toFixed(2)} cores`);
    const found = await measured(name, limitMs);
    if (found === null) failed.push(name);
    else {
      if (others > 1) busy.push(name);
      const date = new Date().toISOString().slice(0, 10);
      await writeResults({ ...(await readResults()), [name]: { commit, date, machine: machine(), others, ...found } });
    }
  }
  if (busy.length > 0) console.log(`others took more than a core before: ${busy.join(', ')}`);
  console.log(`${names.length - failed.length} of ${names.length} benches are kept`);
  if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

/** Whether the kept figures of a bench are of this machine and of code that nothing but a run of the benches has changed since. */
async function isKept(name: string, commit: string): Promise<boolean> {
  const kept = (await readResults())[name];
  if (kept === undefined || kept.machine !== machine()) return false;
  const others = writtenByBenches.map((path) => `:!${path}`);
  const { code } = await runCommand('git', ['diff', '--quiet', kept.commit, commit, '--', '.', ...others]);
  return code === 0;
}

/** What a bench found; null where it failed. */
async function measured(name: string, limitMs: number): Promise<Pick<Kept, 'figures' | 'skipped' | 'seconds'> | null> {
  const start = performance.now();
  const args = ['--conditions=headrace-source', '--expose-gc', `${root}/bench/${name}.bench.ts`];
  const { code, stdout, output } = await runCommand('node', args, { limitMs });
  const seconds = Math.round((performance.now() - start) / 1000);
  console.error(`${name} ${seconds} s`);
  const printed = printedFigures(stdout);
  for (const text of printed?.skipped ?? []) console.error(text);
  if (code === 0 && printed !== null && printed.figures.length + printed.skipped.length > 0)
    return { ...printed, seconds };
  console.error(`${name} ended with ${code}\n${output}`);
  return null;
}
