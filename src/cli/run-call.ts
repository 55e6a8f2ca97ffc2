import { isHeadraceError } from '../base/errors/fail.ts';
import { printable } from '../base/printable.ts';
import { reasonOf } from '../base/reason-of.ts';
import { ownVersion } from '../environment/own-version.ts';
import { absentPackage } from './absent-package.ts';
import type { Command, Terminal } from './command.ts';
import type { CommandGroup } from './commands.ts';
import { diskLine, fullDisk } from './full-disk.ts';
import { asksHelp, findCommand, groupOf, helpPage, parseCall } from './options/parse-call.ts';
import { sayingWaits } from './terminal/say-waits.ts';

export type Output = Omit<Terminal, 'stopped'>;

/** The process or test that makes a call. */
export interface Caller {
  /** Where the call writes before a command has its terminal, and after. */
  readonly output: Output;
  /** The terminal of a command, by whether it declares an end after a signal. */
  readonly terminalOf: (command: Command) => Terminal;
  /** Writes the error that a call ends with; the styles are those of the terminal that shows it. */
  readonly showError: (text: (style: (name: 'red' | 'dim', text: string) => string) => string) => void;
}

/** Runs one call of the command line; returns the exit code. */
export async function runCall(args: readonly string[], caller: Caller): Promise<number> {
  const io = caller.output;
  // A diagnosis takes half a second: it does not wait for the other commands.
  const groups = args[0] === 'gpu' ? await gpuGroup() : (await import('./commands.ts')).commandGroups;
  const commands = groups.flatMap((one) => one.commands);
  const group = groupOf(commands, args);
  if (group.length > 0) {
    io.out(overview([{ title: null, commands: group }]));
    return 0;
  }
  if (args.length === 0 || args[0] === '--help' || args[0] === '-h' || args[0] === 'help') {
    io.out(overview(groups));
    return 0;
  }
  if (args[0] === '--version' || args[0] === '-v') {
    io.out(args.includes('--json') ? JSON.stringify({ version: ownVersion() }) : ownVersion());
    return 0;
  }
  try {
    const { command, rest } = findCommand(commands, args);
    if (asksHelp(command, rest)) io.out(helpPage(command));
    else await runSayingWaits(command, rest, caller.terminalOf(command));
    return 0;
  } catch (error) {
    return report(error, args.includes('--json'), caller);
  }
}

async function runSayingWaits(command: Command, rest: readonly string[], io: Terminal): Promise<void> {
  const call = parseCall(command, rest, io);
  if (process.env['HEADRACE_QUIET'] !== undefined) return command.run(call);
  const { terminal, end } = sayingWaits(io, {
    what: [...command.name, ...call.words].slice(0, command.name.length + 1).join(' '),
    untilOutput: command.stop?.some(({ code }) => code === null) === true,
  });
  try {
    await command.run({ ...call, terminal });
  } finally {
    end();
  }
}

/** An error for people, or as the JSON object of `--json`; never a stack trace, unless HEADRACE_DEBUG is set. */
function report(thrown: unknown, json: boolean, { output: io, showError }: Caller): number {
  const error = absentPackage(thrown) ?? fullDisk(thrown) ?? thrown;
  if (process.env['HEADRACE_DEBUG'] !== undefined)
    io.err(error instanceof Error ? `${error.stack}\n${String(error.cause ?? '')}` : String(error));
  if (!isHeadraceError(error)) {
    const message = reasonOf(error);
    io.err(`headrace: unexpected error: ${message}\n  set HEADRACE_DEBUG=1 to print the stack trace, and report it`);
    if (json) io.out(JSON.stringify({ error: { code: 'UNEXPECTED', message } }));
    return 1;
  }
  // Its own styles are the only ones that reach a terminal.
  showError(
    (style) => `${style('red', `${error.code}:`)} ${printable(error.message)}\n  ${style('dim', error.hint)}\n`,
  );
  const more = diskLine(error);
  if (more !== null) io.err(`  ${more}`);
  if (json)
    io.out(
      JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint, retry: error.retry } }),
    );
  return error.exit;
}

async function gpuGroup(): Promise<readonly CommandGroup[]> {
  return [{ title: 'GPUs', commands: (await import('./commands/gpu.ts')).gpuCommands }];
}

function overview(groups: readonly { readonly title: string | null; readonly commands: readonly Command[] }[]): string {
  const lines = groups.flatMap(({ title, commands }) => [
    ...(title === null ? [] : [`${title}:`]),
    ...commands.map(({ name, summary }) => `  ${name.join(' ')}`.padEnd(22) + summary),
    '',
  ]);
  return [
    'headrace: features, models, service levels and responses to drift, declared once',
    '',
    ...lines,
    'headrace <command> --help says more; headrace --version prints the version.',
  ].join('\n');
}
