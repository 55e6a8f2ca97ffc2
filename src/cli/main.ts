import { printable } from '../base/printable.ts';
import type { Command, Terminal } from './command.ts';
import { npmEnded } from './npm-launcher.ts';
import { type Output, runCall } from './run-call.ts';
import { paint } from './terminal/paint.ts';

/** As a shell sees a program that SIGPIPE ended: its work may not be done. */
const CLOSED_PIPE = 141;

// A reader that closes early, such as head, ends the call without a message.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(CLOSED_PIPE);
});

/** Where every call writes. */
const output: Output = {
  out: (text: string) => void process.stdout.write(`${printable(text)}\n`),
  err: (text: string) => void process.stderr.write(`${printable(text)}\n`),
  interactive: process.stdout.isTTY === true,
};

const exitCode = await runCall(process.argv.slice(2), {
  output,
  terminalOf: (command) => (command.stop === undefined ? endedAtOnce(command) : endedWhenAsked()),
  showError(text) {
    const { stderr } = process;
    stderr.write(text((style, words) => paint(style, words, stderr)));
  },
});
if (exitCode !== 0) process.exitCode = exitCode;

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
