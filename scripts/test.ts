import { once } from 'node:events';
import { changedFiles, readTests } from './changed-tests.ts';
import { useMemoryFolder } from './memory-folder.ts';
import { killGroup } from './run-command.ts';
import { startVitest } from './vitest.ts';
import { whenInterrupted } from './when-interrupted.ts';

process.exit(await main(process.argv.slice(2)));

/**
 * `npm test [-- ARGUMENTS]`: the tests that need no service. With `--changed[=COMMIT]` those that the difference from a commit
 * concerns; the last one if none is named. When a signal ends it, all of its processes end.
 */
async function main(args: readonly string[]): Promise<number> {
  const changed = args.find((arg) => /^--changed(?:=|$)/.test(arg));
  if (changed === undefined) return run(args);
  const files = readTests()(await changedFiles(changed.split('=')[1] ?? 'HEAD'));
  const others = args.filter((arg) => arg !== changed);
  console.log(`${files.length} test files are concerned`);
  return files.length === 0 ? 0 : run([...others, ...files]);
}

async function run(args: readonly string[]): Promise<number> {
  const removeFolder = useMemoryFolder();
  const child = startVitest(args);
  const ended = once(child, 'exit');
  const end = async () => {
    killGroup(child.pid);
    await ended;
    removeFolder();
  };
  whenInterrupted(end);
  const [code] = await ended;
  await end();
  return typeof code === 'number' ? code : 1;
}
