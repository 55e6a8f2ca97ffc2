import { type ParseArgsConfig, parseArgs } from 'node:util';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { type Call, type Command, commonOptions, type Terminal } from '../command.ts';
import { aliasesOf, withoutAlias } from './aliases.ts';
import { nearest } from './nearest.ts';
import { helpOf, type Options, parseValues } from './option.ts';

/** The options of a command: its own, then those of all. */
export function optionsOf<O extends Options>({ options }: Pick<Command<O>, 'options'>): O & typeof commonOptions {
  // Left out where a command has none.
  return { ...(options as O), ...commonOptions };
}

/** The command that the arguments name, and what is left of them. Errors: CLI_COMMAND. */
export function findCommand(
  commands: readonly Command[],
  args: readonly string[],
): { command: Command; rest: readonly string[] } {
  const words = withoutAlias(args);
  const [found] = commands
    .filter(({ name }) => name.every((word, i) => words[i] === word))
    .toSorted((a, b) => b.name.length - a.name.length);
  if (found === undefined) {
    throw unknownCommand(commands, args);
  }
  return { command: found, rest: words.slice(found.name.length) };
}

/** The commands of a group whose first words are the whole call, or a call for help; none: the call is another. */
export function groupOf(commands: readonly Command[], args: readonly string[]): readonly Command[] {
  const words = ['--help', '-h', 'help'].includes(args.at(-1) ?? '') ? args.slice(0, -1) : args;
  if (words.length === 0 || commands.some(({ name }) => name.join(' ') === words.join(' '))) return [];
  return commands.filter(({ name }) => words.every((word, i) => name[i] === word));
}

/** Names the commands that may be meant; all of them where none is alike. */
function unknownCommand(commands: readonly Command[], args: readonly string[]): Error {
  const end = args.findIndex((word) => word.startsWith('-'));
  const known = commands.map(({ name }) => name.join(' '));
  const most = Math.max(...commands.map(({ name }) => name.length));
  const words = args.slice(0, end === -1 ? most : Math.min(most, end));
  const asked = words.map((_, i) => words.slice(0, words.length - i).join(' '));
  const found = asked.find((name) => nearest(name, known).length > 0);
  // The name of a group is right: the word after it is not.
  const isGroup = known.some((name) => name.startsWith(`${found} `));
  const command = found === undefined || isGroup ? words.slice(0, 2).join(' ') : found;
  return fail('CLI_COMMAND', { command, known: found === undefined ? known : nearest(found, known) });
}

/** Whether the arguments of a command ask for its page. Error: CLI_OPTION. */
export function asksHelp(command: Command, args: readonly string[]): boolean {
  return parsed(command, args).values['help'] === true;
}

/** Parses the arguments of a command. Errors: CLI_OPTION, CLI_TEXT, CLI_VALUE, CLI_WORDS, INSTANT_*. */
export function parseCall<O extends Options>(
  command: Command<O>,
  args: readonly string[],
  terminal: Terminal,
): Call<O> {
  // Node puts U+FFFD in the place of bytes that are not UTF-8: two keys could become one.
  const word = args.find((one) => one.includes('\ufffd'));
  if (word !== undefined) throw fail('CLI_TEXT', { word });
  const { values, positionals } = parsed(command, args);
  const [least, most] = command.arity;
  if (positionals.length < least || positionals.length > most) throw fail('CLI_WORDS', { usage: usageLine(command) });
  const options = parseValues(optionsOf(command), values);
  return { words: positionals, options, json: values['json'] === true, terminal };
}

/** `headrace features get <service> …`. */
function usageLine(command: Command): string {
  return ['headrace', ...command.name, command.words].filter((part) => part !== '').join(' ');
}

/** The help page of one command. */
export function helpPage(command: Command): string {
  const rows = Object.entries(optionsOf(command)).map(([name, one]) => ({
    left: `  --${name}${one.kind === null ? '' : ` ${one.kind.shown}`}`,
    right: helpOf(one),
  }));
  const width = 2 + Math.max(...rows.map(({ left }) => left.length));
  const lines = rows.map(({ left, right }) => left.padEnd(width) + right);
  const also = aliasesOf(command.name).map((alias) => `also:  headrace ${alias}`);
  return [command.summary, '', `usage: ${usageLine(command)}`, ...also, '', ...lines].join('\n');
}

function parsed(command: Command, args: readonly string[]) {
  const forms = Object.entries(optionsOf(command)).map(([name, { kind, isRepeated }]) => [
    name,
    { type: kind === null ? 'boolean' : 'string', multiple: isRepeated, ...(name === 'help' ? { short: 'h' } : {}) },
  ]);
  try {
    const options: NonNullable<ParseArgsConfig['options']> = Object.fromEntries(forms);
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
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
  const meant = word === undefined ? [] : nearest(word, Object.keys(optionsOf(command)));
  return meant.length === 0 ? '' : `; did you mean ${meant.map((name) => `--${name}`).join(' or ')}?`;
}
