import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { allSuites } from './deep/lanes.ts';
import { root } from './run-command.ts';
import { type Counts, withSuites } from './services/run-suites.ts';

// What still starts after a deadline ends with this process.
process.exit(await main(process.argv.slice(2)));

/**
 * `[--deadline MINUTES] [FILE…]`: starts the services that the suites name, runs the suites, ends the services. Without files
 * these are the tests of the gate: all that are not tagged `deep`. A named file runs whole. What could not be run is a failure,
 * and the closing line counts it.
 */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { deadline: { type: 'string' } },
    allowPositionals: true,
  });
  const minutes = values.deadline === undefined ? null : Number(values.deadline);
  if (minutes !== null && !(minutes > 0)) {
    console.error(`--deadline "${values.deadline}" is not a number of minutes`);
    return 2;
  }
  const isGate = positionals.length === 0;
  const suites = isGate ? gateSuites() : positionals;
  const deadline = minutes === null ? null : Date.now() + minutes * 60_000;
  const { passed, failed, skipped } = await withSuites((run) => run({ suites, deep: !isGate, deadline })).catch(
    (error: unknown): Counts => {
      console.error(error instanceof Error ? error.message : error);
      return { passed: 0, failed: suites.length, skipped: 0 };
    },
  );
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** The suites that have a test of the gate. */
function gateSuites(): readonly string[] {
  return allSuites().filter((suite) => !/^\/\/ @module-tag deep$/m.test(readFileSync(`${root}/${suite}`, 'utf8')));
}
