import type { Terminal } from '../../src/cli/command.ts';
import { gpuCommands } from '../../src/cli/commands/gpu.ts';
import { asksHelp, findCommand, helpPage, parseCall } from '../../src/cli/options/parse-call.ts';

/** Runs `headrace gpu …` in this process; the text that it prints to either stream. Errors: those of the command. */
export async function runGpu(args: readonly string[], stopped = new Promise<void>(() => undefined)): Promise<string> {
  let text = '';
  const out = (part: string) => {
    text += part;
  };
  const terminal: Terminal = { out, err: out, interactive: false, stopped };
  const { command, rest } = findCommand(gpuCommands, ['gpu', ...args]);
  if (asksHelp(command, rest)) out(helpPage(command));
  else await command.run(parseCall(command, rest, terminal));
  return text;
}
