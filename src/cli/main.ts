import { printable } from '../base/printable.ts';
import type { Terminal } from './command.ts';
import { npmEnded } from './npm-launcher.ts';
import { runCall } from './run-call.ts';
import { paint } from './terminal/paint.ts';

/** As a shell sees a program that SIGPIPE ended: its work may not be done. */
const CLOSED_PIPE = 141;

// A reader that closes early, such as head, ends the call without a message.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(CLOSED_PIPE);
});

const exitCode = await runCall(process.argv.slice(2), terminal(), (text) => {
  const { stderr } = process;
  stderr.write(text((style, words) => paint(style, words, stderr)));
});
if (exitCode !== 0) process.exitCode = exitCode;

function terminal(): Terminal {
  let endsItself = false;
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => (endsItself ? resolve() : endAtOnce(signal)));
    void npmEnded().then(() => (endsItself ? resolve() : endAtOnce('SIGTERM')));
  });
  return {
    out: (text) => process.stdout.write(`${printable(text)}\n`),
    err: (text) => process.stderr.write(`${printable(text)}\n`),
    interactive: process.stdout.isTTY === true,
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
