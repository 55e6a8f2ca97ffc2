import type { ParseArgsConfig } from 'node:util';
import type { ErrorCode } from '../base/errors/fail.ts';

type OptionSpecs = NonNullable<ParseArgsConfig['options']>;

/** Where a command writes: results to `out`, text for people to `err`. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `out` is a terminal that a person looks at. */
  readonly interactive: boolean;
  /**
   * Resolves when the user asks to stop (Ctrl-C, SIGTERM), or the npm that runs the process has ended. A command that reads it ends by itself from then on. One that has not read
   * it is ended at once.
   */
  readonly stopped: Promise<void>;
}

/** The words and options of a call. `json` asks for one JSON object on the last line. */
export interface Call {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Every value of the options that may be repeated. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** One way in which a command ends after it was asked to stop. */
export interface StopEnd {
  /** The calls that end so; empty: all. */
  readonly when: string;
  /** Its error; null: the call ran until it was stopped, as it should, and ends with 0. */
  readonly code: ErrorCode | null;
}

/** One command of the command line; one file each in `commands/`. */
export interface Command {
  /** The words that name it: `['features', 'get']`. */
  readonly name: readonly string[];
  /** Other words for the same: by the engine that it is about. */
  readonly also?: readonly string[];
  /** One line for the list of commands. */
  readonly summary: string;
  /** The words after the name, for the usage line: `<service> <key>=<value>…`. */
  readonly words: string;
  /** Least and most words. */
  readonly arity: readonly [number, number];
  readonly options: OptionSpecs;
  /** The help of each option, by name. */
  readonly help: Readonly<Record<string, string>>;
  /** Its ends after Ctrl-C or SIGTERM. Without them it may not read `terminal.stopped`, and the signal ends it at once. */
  readonly stop?: readonly StopEnd[];
  /** It reads its arguments itself: they come as `words`, as they were written. */
  readonly readsArguments?: true;
  run(call: Call): Promise<void>;
}

/** The end of a command that runs until it is stopped. */
export function served(when = ''): StopEnd {
  return { when, code: null };
}

/** The end of a command that is stopped before its work is done. */
export function unfinished(code: ErrorCode, when = ''): StopEnd {
  return { when, code };
}
