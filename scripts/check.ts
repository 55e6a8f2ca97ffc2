import { api } from './check/api.ts';
import type { Check, Outcome } from './check/check.ts';
import { commands } from './check/commands.ts';
import { errors } from './check/errors.ts';
import { examples } from './check/examples.ts';
import { exports } from './check/exports.ts';
import { expressions } from './check/expressions.ts';
import { figures } from './check/figures.ts';
import { folders } from './check/folders.ts';
import { imports } from './check/imports.ts';
import { links } from './check/links.ts';
import { pages } from './check/pages.ts';
import { prose } from './check/prose.ts';
import { proven } from './check/proven.ts';
import { shape } from './check/shape.ts';
import { snippets } from './check/snippets.ts';
import { style } from './check/style.ts';
import { timing } from './check/timing.ts';
import { tracked } from './check/tracked.ts';
import { types } from './check/types.ts';
import { useMemoryFolder } from './memory-folder.ts';

/** The longest first: what is short fills the time of the second worker. */
const checks: readonly Check[] = [
  examples,
  snippets,
  types,
  style,
  imports,
  api,
  exports,
  errors,
  commands,
  expressions,
  figures,
  folders,
  links,
  pages,
  prose,
  proven,
  shape,
  timing,
  tracked,
];

process.on('exit', useMemoryFolder());
process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;

/** Runs the named checks, all if none is named, two at a time; prints one line each, then the faults and a summary. */
async function main(names: readonly string[]): Promise<boolean> {
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`there is no check ${unknown.join(', ')}; there are ${checks.map(({ name }) => name).join(', ')}`);
    return false;
  }
  const chosen = checks.filter(({ name }) => names.length === 0 || names.includes(name));
  const faulty: (readonly [string, Outcome])[] = [];
  const waiting = [...chosen];
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const outcome = await timed(check);
      if (outcome.problems.length > 0) faulty.push([check.name, outcome]);
    }
  };
  await Promise.all([work(), work()]);
  for (const [name, { problems }] of faulty)
    console.log(`\n${name}\n${problems.map((text) => `  ${text}`).join('\n')}`);
  console.log(`\n${chosen.length - faulty.length} of ${chosen.length} checks passed`);
  return faulty.length === 0;
}

async function timed(check: Check): Promise<Outcome> {
  const start = performance.now();
  const outcome: Outcome = await check.run().catch((error: unknown) => ({
    seen: 'ended by an error',
    problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  }));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const verdict = outcome.problems.length === 0 ? 'ok    ' : 'FAULTY';
  console.log(`${verdict} ${check.name.padEnd(10)} ${`${seconds} s`.padStart(7)}  ${outcome.seen}`);
  for (const warning of outcome.warnings ?? []) console.log(`warning ${check.name}: ${warning}`);
  return outcome;
}
