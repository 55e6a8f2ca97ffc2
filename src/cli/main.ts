import { isHeadraceError } from '../base/errors/fail.ts';
import { printable } from '../base/printable.ts';
import { reasonOf } from '../base/reason-of.ts';
import { ownVersion } from '../environment/own-version.ts';
import { absentPackage } from './absent-package.ts';
import type { Command, Terminal } from './command.ts';
import type { CommandGroup } from './commands.ts';
import { diskLine, fullDisk } from './full-disk.ts';
import { npmEnded } from './npm-launcher.ts';
import { asksHelp, findCommand, groupOf, helpPage, parseCall } from './options/parse-call.ts';
import { paint } from './terminal/paint.ts';
import { sayingWaits } from './terminal/say-waits.ts';

/** As a shell sees a program that SIGPIPE ended: its work may not be done. */
const CLOSED_PIPE = 141;

// A reader that closes early, such as head, ends the call without a message.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(CLOSED_PIPE);
});

/** Where every call writes. */
const output = {
  out: (text: string) => void process.stdout.write(`${printable(text)}\n`),
  err: (text: string) => void process.stderr.write(`${printable(text)}\n`),
  interactive: process.stdout.isTTY === true,
};

const exitCode = await main(process.argv.slice(2));
if (exitCode !== 0) process.exitCode = exitCode;

/** Runs one call of the command line; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  // A diagnosis takes half a second: it does not wait for the other commands.
  const groups = args[0] === 'gpu' ? await gpuGroup() : (await import('./commands.ts')).commandGroups;
  const commands = groups.flatMap((one) => one.commands);
  const group = groupOf(commands, args);
  if (group.length > 0) {
    output.out(overview([{ title: null, commands: group }]));
    return 0;
  }
  if (args.length === 0 || args[0] === '--help' || args[0] === '-h' || args[0] === 'help') {
    output.out(overview(groups));
    return 0;
  }
  if (args[0] === '--version' || args[0] === '-v') {
    output.out(args.includes('--json') ? JSON.stringify({ version: ownVersion() }) : ownVersion());
    return 0;
  }
  try {
    const { command, rest } = findCommand(commands, args);
    if (asksHelp(command, rest)) output.out(helpPage(command));
    else await runSayingWaits(command, rest, command.stop === undefined ? endedAtOnce(command) : endedWhenAsked());
    return 0;
  } catch (error) {
    return report(error, args.includes('--json'));
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
function report(thrown: unknown, json: boolean): number {
  const { out, err } = output;
  const error = absentPackage(thrown) ?? fullDisk(thrown) ?? thrown;
  if (process.env['HEADRACE_DEBUG'] !== undefined)
    err(error instanceof Error ? `${error.stack}\n${String(error.cause ?? '')}` : String(error));
  if (!isHeadraceError(error)) {
    const message = reasonOf(error);
    err(`headrace: unexpected error: ${message}\n  set HEADRACE_DEBUG=1 to print the stack trace, and report it`);
    if (json) out(JSON.stringify({ error: { code: 'UNEXPECTED', message } }));
    return 1;
  }
  const { stderr } = process;
  // Its own styles are the only ones that reach a terminal.
  stderr.write(
    `${paint('red', `${error.code}:`, stderr)} ${printable(error.message)}\n  ${paint('dim', error.hint, stderr)}\n`,
  );
  const more = diskLine(error);
  if (more !== null) err(`  ${more}`);
  if (json)
    out(JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint, retry: error.retry } }));
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

/**
 * The terminal of a command that declares no end after a signal. It has no handler of signals: the system ends the process at once,
 * also in the middle of a computation, and the guards of its programs and folders end these.
 */
function endedAtOnce({ name }: Command): Terminal {
  void npmEnded().then(() => endAtOnce('SIGTERM'));
  return {
    ...output,
    get stopped(): Promise<void> {
      throw new TypeError(`headrace ${name.join(' ')} reads "stopped" and declares no "stop"`);
    },
  };
}

/** The terminal of a command that ends by itself once it has read `stopped`; until then a signal ends it at once. */
function endedWhenAsked(): Terminal {
  let endsItself = false;
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => (endsItself ? resolve() : endAtOnce(signal)));
    void npmEnded().then(() => (endsItself ? resolve() : endAtOnce('SIGTERM')));
  });
  return {
    ...output,
    get stopped() {
      endsItself = true;
      return stopped;
    },
  };
}

/**
 * Ends as the signal does without a handler: a query that runs on another thread would hold up an ordinary exit. First come the
 * listeners of the exit, which end the programs that were started.
 */
function endAtOnce(signal: NodeJS.Signals): void {
  process.emit('exit', 1);
  process.kill(process.pid, signal);
}
