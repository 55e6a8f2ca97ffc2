import { runCommand } from './run-command.ts';

/** The commit that is checked out; null where tracked or new files differ from it, but for these paths. */
export async function cleanCommit(except: readonly string[]): Promise<string | null> {
  const others = except.map((path) => `:!${path}`);
  const changed = await runCommand('git', ['status', '--porcelain', '--', '.', ...others]);
  const head = await runCommand('git', ['rev-parse', 'HEAD']);
  return changed.code === 0 && changed.stdout === '' && head.code === 0 ? head.stdout.trim() : null;
}
