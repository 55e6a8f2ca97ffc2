/** A replay that Ctrl-C or SIGTERM stops. */
export interface Stop {
  /** From here on a signal is an answer: the caller closes what it serves. */
  readonly asked: () => Promise<void>;
}

/**
 * Until the caller awaits a stop, a signal ends the program at once, with one line: the data of a replay begins again with the next start,
 * so nothing is worth a wait. The listeners of the exit end the programs that were started.
 */
export function stopOnSignal(release: () => void): Stop {
  let answer: (() => void) | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      if (answer !== null) return answer();
      release();
      // The progress is the last line of a terminal.
      console.error(`${process.stderr.isTTY ? '\r\u001b[K' : ''}stopped: the next npm start begins again`);
      process.emit('exit', 1);
      // As without a listener: a query on another thread would hold up an ordinary exit.
      process.kill(process.pid, signal);
    });
  return {
    asked: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  };
}
