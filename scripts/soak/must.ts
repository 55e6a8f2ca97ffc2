import { runCommand } from '../run-command.ts';

/** Runs a command; throws its output where it fails. */
export async function must(command: string, args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${output}`);
}
