import type { Terminal } from '../command.ts';

/** A call that was silent for this long says that it is at work; then it says so ever more seldom, s. */
const SAID_AFTER = [2, 10, 30] as const;
const THEN_EVERY_S = 60;

/** The next moment after `seconds` of silence at which a wait is said. */
export function nextWait(seconds: number): number {
  return SAID_AFTER.find((after) => after > seconds) ?? (Math.floor(seconds / THEN_EVERY_S) + 1) * THEN_EVERY_S;
}

/** A terminal that says on stderr what a call does while it prints nothing. */
export interface WaitingTerminal {
  readonly terminal: Terminal;
  /** Ends it: the call is over. */
  readonly end: () => void;
}

export interface WaitOptions {
  /** The work of the call: `train buys`. */
  readonly what: string;
  /** Whether its first output ends it: a server at work has nothing to say. */
  readonly untilOutput: boolean;
}

/** Says what a call does where it is silent for two seconds; `silentSince` may be started again by any output. */
export function sayingWaits(io: Terminal, { what, untilOutput }: WaitOptions): WaitingTerminal {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const begun = performance.now();
  const wait = (silent: number) => {
    if (isOver) return;
    const next = nextWait(silent);
    timer = setTimeout(
      () => {
        io.err(`headrace: ${what}: at work for ${Math.round((performance.now() - begun) / 1_000)} s`);
        wait(next);
      },
      1_000 * (next - silent),
    );
    // Nobody waits for a line about waiting.
    timer.unref();
  };
  const end = () => {
    isOver = true;
    clearTimeout(timer);
  };
  const printing = (write: (text: string) => void) => (text: string) => {
    write(text);
    if (untilOutput) return end();
    clearTimeout(timer);
    wait(0);
  };
  wait(0);
  const terminal: Terminal = {
    out: printing(io.out),
    err: printing(io.err),
    interactive: io.interactive,
    showsWork: end,
    get stopped() {
      return io.stopped;
    },
  };
  return { terminal, end };
}
