import { stripVTControlCharacters } from 'node:util';
import type { Call } from '../command.ts';
import type { Options } from '../options/option.ts';
import { paint } from './paint.ts';

/** How far a command is. */
export interface Progress {
  /** Whether anybody sees it. */
  readonly shown: boolean;
  /** So much is done, of a total where it is known. */
  at(done: number, total: number | null): void;
}

/** The progress line of a command at work. */
export interface Shown {
  readonly label: string;
  /** The line that was printed last. */
  readonly note: string;
  readonly done: number;
  readonly total: number | null;
  readonly seconds: number;
  /** Counts the frames. */
  readonly turn: number;
}

const EVERY_MS = 120;
const WIDTH = 24;
const CLEAR = '\r\u001b[2K';

/**
 * Works, and shows how far it is in the last line of a terminal, below whatever is printed to stderr meanwhile. Without a terminal, and with
 * `--json`, nothing is shown.
 */
export async function withProgress<O extends Options, T>(
  call: Call<O>,
  label: string,
  work: (call: Call<O>, progress: Progress) => Promise<T>,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<T> {
  if (stream.isTTY !== true || call.json) return work(call, { shown: false, at: () => {} });
  call.terminal.showsWork?.();
  const begun = performance.now();
  let shown: Shown = { label, note: '', done: 0, total: null, seconds: 0, turn: 0 };
  const draw = () => {
    const seconds = Math.floor((performance.now() - begun) / 1_000);
    shown = { ...shown, seconds, turn: shown.turn + 1 };
    stream.write(CLEAR + paint('cyan', progressLine(shown, stream.columns || 80), stream));
  };
  const timer = setInterval(draw, EVERY_MS);
  const clear = () => stream.write(CLEAR);
  process.once('exit', clear);
  const print = (write: (text: string) => void) => (text: string) => {
    shown = { ...shown, note: text.replace(/^headrace: /, '') };
    stream.write(CLEAR);
    write(text);
  };
  try {
    return await work(printingBy(call, print), {
      shown: true,
      at: (done, total) => {
        shown = { ...shown, done, total };
      },
    });
  } finally {
    clearInterval(timer);
    process.off('exit', clear);
    clear();
  }
}

/** The call with another way to print. `stopped` stays unread until it is read. */
function printingBy<O extends Options>(
  call: Call<O>,
  print: (write: (text: string) => void) => (text: string) => void,
): Call<O> {
  const { terminal } = call;
  return {
    ...call,
    terminal: {
      out: print(terminal.out),
      err: print(terminal.err),
      interactive: terminal.interactive,
      get stopped() {
        return terminal.stopped;
      },
    },
  };
}

/** One line, never longer than the terminal is wide: a longer one would leave a part of itself behind. */
export function progressLine({ label, note, done, total, seconds, turn }: Shown, columns: number): string {
  const counts =
    total === null || total <= 0
      ? `${moving(turn)}${done > 0 ? ` ${done.toLocaleString('en')}` : ''}`
      : `${filled(done / total)} ${String(Math.floor(100 * Math.min(1, done / total))).padStart(3)} % ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`;
  const text = `${label} ${counts} ${seconds} s${note === '' ? '' : ` · ${note}`}`;
  // Letters that may take two places, or none, would break the line.
  const line = stripVTControlCharacters(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\x20-\x7e\xa1-\u024f]/g, '?');
  return line.slice(0, Math.max(0, columns - 1));
}

function filled(share: number): string {
  const full = Math.floor(WIDTH * Math.min(1, Math.max(0, share)));
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}]`;
}

/** A block that goes to and fro: how much there is to do is not known. */
function moving(turn: number): string {
  const place = turn % (2 * (WIDTH - 3));
  const at = Math.min(place, 2 * (WIDTH - 3) - place);
  return `[${'-'.repeat(at)}###${'-'.repeat(WIDTH - 3 - at)}]`;
}
