import type { ErrorCode } from '../base/errors/fail.ts';
import { flag, type Options, option, type Values } from './options/option.ts';
import { file, text } from './options/option-kinds.ts';

/** Options that every command takes. */
export const commonOptions = {
  json: flag('print one JSON object on the last line'),
  config: option(file, 'path of the configuration (headrace.config.ts)'),
  // Any text: the configuration says which environments it has.
  env: option(text, 'name of the environment (local)'),
  help: flag('print this page'),
};

/** The configuration and environment that a call names. */
export interface CommonOptions {
  readonly options: { readonly config?: string | undefined; readonly env?: string | undefined };
}

/** Where a command writes: results to `out`, text for people to `err`. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `out` is a terminal that a person looks at. */
  readonly interactive: boolean;
  /** Called by a command that shows by itself that it is at work: nothing is said about its waits from then on. */
  readonly showsWork?: () => void;
  /**
   * Resolves when the user asks to stop (Ctrl-C, SIGTERM), or the npm that runs the process has ended. A command that reads it ends by itself from then on. One that has not read
   * it is ended at once.
   */
  readonly stopped: Promise<void>;
}

/** The words and options of a call. `json` asks for one JSON object on the last line. */
export interface Call<O extends Options = Record<never, never>> {
  readonly words: readonly string[];
  readonly options: Values<O & typeof commonOptions>;
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
export interface Command<O extends Options = Options> {
  /** The words that name it: `['features', 'get']`. */
  readonly name: readonly string[];
  /** One line for the list of commands. */
  readonly summary: string;
  /** The words after the name, for the usage line: `<service> <key>=<value>…`. */
  readonly words: string;
  /** Least and most words. */
  readonly arity: readonly [number, number];
  /** Its own options; left out: none. */
  readonly options?: O;
  /** Its ends after Ctrl-C or SIGTERM. Without them it may not read `terminal.stopped`, and the signal ends it at once. */
  readonly stop?: readonly StopEnd[];
  run(call: Call<O>): Promise<void>;
}

/** A command, the types of whose values follow from its options. */
export function command<const O extends Options = Record<never, never>>(form: Command<O>): Command<O> {
  return form;
}

/** The end of a command that runs until it is stopped. */
export function served(when = ''): StopEnd {
  return { when, code: null };
}

/** The end of a command that is stopped before its work is done. */
export function unfinished(code: ErrorCode, when = ''): StopEnd {
  return { when, code };
}
