import { parseArgs } from 'node:util';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Call, Command, Terminal } from './command.ts';
import { nearest } from './nearest.ts';

/** Options that every command takes. */
export const commonOptions = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  config: { type: 'string' },
  env: { type: 'string' },
} as const;

/** The command that the arguments name, and what is left of them. Errors: CLI_COMMAND. */
export function findCommand(
  commands: readonly Command[],
  args: readonly string[],
): { command: Command; rest: readonly string[] } {
  const isCalled = (words: readonly string[]) => words.every((word, index) => args[index] === word);
  const [found] = commands
    .flatMap((command) =>
      [command.name, ...(command.also === undefined ? [] : [command.also])].map((words) => ({ command, words })),
    )
    .filter(({ words }) => isCalled(words))
    .sort((a, b) => b.words.length - a.words.length);
  if (found === undefined) {
    throw unknownCommand(commands, args);
  }
  return { command: found.command, rest: args.slice(found.words.length) };
}

/** Names the commands that may be meant; all of them where none is alike. */
function unknownCommand(commands: readonly Command[], args: readonly string[]): Error {
  const end = args.findIndex((word) => word.startsWith('-'));
  const known = commands.map(({ name }) => name.join(' '));
  const most = Math.max(...commands.map(({ name }) => name.length));
  const words = args.slice(0, end === -1 ? most : Math.min(most, end));
  const asked = words.map((_, i) => words.slice(0, words.length - i).join(' '));
  const found = asked.find((name) => nearest(name, known).length > 0);
  const command = found ?? words.slice(0, 2).join(' ');
  return fail('CLI_COMMAND', { command, known: found === undefined ? known : nearest(found, known) });
}

/** Parses the arguments of a command. Errors: CLI_OPTION, CLI_TEXT, CLI_WORDS. */
export function parseCall(command: Command, args: readonly string[], terminal: Terminal): Call {
  // Node puts U+FFFD in the place of bytes that are not UTF-8: two keys could become one.
  const word = args.find((one) => one.includes('\ufffd'));
  if (word !== undefined) throw fail('CLI_TEXT', { word });
  if (command.readsArguments === true)
    return { words: args, options: {}, lists: {}, json: args.includes('--json'), terminal };
  const { values, lists, positionals } = parsed(command, args);
  const [least, most] = command.arity;
  if (values.help !== true && (positionals.length < least || positionals.length > most)) {
    throw fail('CLI_WORDS', { usage: usageLine(command) });
  }
  return { words: positionals, options: values, lists, json: values.json === true, terminal };
}

/** `headrace features get <service> …`. */
function usageLine(command: Command): string {
  return ['headrace', ...command.name, command.words].filter((part) => part !== '').join(' ');
}

/** The help page of one command. */
export function helpPage(command: Command): string {
  const lines = Object.entries({ ...command.help, ...commonHelp }).map(([name, text]) => {
    const spec = { ...command.options, ...commonOptions }[name];
    return `  --${name}${spec?.type === 'string' ? ' <value>' : ''}`.padEnd(26) + text;
  });
  const also = command.also === undefined ? [] : [`also:  headrace ${command.also.join(' ')}`];
  return [command.summary, '', `usage: ${usageLine(command)}`, ...also, '', ...lines].join('\n');
}

const commonHelp = {
  json: 'print one JSON object on the last line',
  config: 'path of the configuration (headrace.config.ts)',
  env: 'name of the environment (local)',
  help: 'print this page',
};

function parsed(command: Command, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...command.options, ...commonOptions },
      allowPositionals: true,
      strict: true,
    });
    const single: Record<string, string | boolean | undefined> = {};
    const lists: Record<string, readonly string[]> = {};
    for (const [name, value] of Object.entries(values)) {
      single[name] = Array.isArray(value) ? value.at(-1)?.toString() : value;
      if (Array.isArray(value)) lists[name] = value.map(String);
    }
    return { values: single, lists, positionals };
  } catch (error) {
    const reason = reasonOf(error).split('. ')[0] ?? '';
    throw fail(
      'CLI_OPTION',
      { command: command.name.join(' '), reason: `${reason}${meantOption(command, reason)}` },
      error,
    );
  }
}

/** `; did you mean --promote?` where an unknown option is like a known one. */
function meantOption(command: Command, reason: string): string {
  const word = reason.startsWith('Unknown option') ? reason.split("'")[1]?.replace(/^--?/, '') : undefined;
  const meant = word === undefined ? [] : nearest(word, Object.keys({ ...command.options, ...commonOptions }));
  return meant.length === 0 ? '' : `; did you mean ${meant.map((name) => `--${name}`).join(' or ')}?`;
}
