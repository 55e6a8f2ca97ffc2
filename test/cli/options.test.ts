import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { Command, Terminal } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { helpOf, type Option } from '../../src/cli/options/option.ts';
import type { Kind } from '../../src/cli/options/option-kinds.ts';
import { helpPage, optionsOf, parseCall } from '../../src/cli/options/parse-call.ts';

const terminal: Terminal = { out: () => {}, err: () => {}, interactive: false, stopped: Promise.resolve() };

interface Case {
  readonly command: Command;
  readonly name: string;
  readonly option: Option<unknown>;
  readonly kind: Kind<unknown>;
}

/** Every option that takes a value, of every command; those of all commands by the first. */
const cases: readonly Case[] = commands.flatMap((command, i) =>
  Object.entries(i === 0 ? optionsOf(command) : (command.options ?? {})).flatMap(([name, option]) =>
    option.kind === null ? [] : [{ command, name, option, kind: option.kind }],
  ),
);

/** A value that the kind takes. */
function goodOf({ kind, option }: Case): string {
  const known = [
    ...(option.default === undefined || option.isRepeated ? [] : [kind.write(option.default)]),
    ...(kind.words ?? []),
    ...[
      'read',
      '4',
      '1h',
      '64MiB',
      '0.5',
      '2026-01-31',
      'a',
      'a=b',
      'psi>0.2',
      'spoiled@2001-04-10',
      'H100',
      '0 3 * * *',
    ],
  ];
  const good = known.find((text) => kind.parse(text, 'option') !== undefined);
  if (good === undefined) throw new Error(`no value of ${kind.wanted} is known here`);
  return good;
}

/** A whole call, in which the other options that the command needs have a value. */
function callWith({ command, name }: Case, value: string) {
  const others = cases.filter((one) => one.command === command && one.name !== name && one.option.isNeeded);
  const needed = others.map((one) => `--${one.name}=${goodOf(one)}`);
  const words = Array.from({ length: command.arity[0] }, () => 'a');
  return parseCall(command, [...needed, `--${name}=${value}`, ...words], terminal);
}

const HOSTILE = [
  ...['', ' ', '-1', '-0', '0x10', '1e400', '1e-400', '1_000', '٣', 'NaN', 'Infinity', '-Infinity', 'null', 'true'],
  ...['9007199254740993', '1.5.2', '1,2', ',', '=', 'a=', '=b', 'a=b=c', '__proto__', '__proto__=a', 'constructor'],
  ...['1h ', '0h', '-1h', '1.h', '1e3s', '99999999999999999d', '2026-02-30T25:00:00Z', '2026-13-01', '0000-00-00'],
  ...['1GiB0', '-1GiB', '1.5GiB', 'spoiled@', 'x*0@1/2', 'psi>', 'ks<2', 'psi>1e9', '* * * *', '\u202e', '\u0007'],
  'a'.repeat(100_000),
  '1'.repeat(100_000),
  `${'a=b,'.repeat(20_000)}c`,
];

/** A number that is not one, or none at all, never comes out of a parser. */
function isWhole(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isNaN(value);
  if (Array.isArray(value)) return value.every(isWhole);
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isWhole);
  return value !== undefined;
}

/** The value that a call has, or the error that names option, value and allowed values. */
function checkValue(one: Case, text: string): void {
  try {
    const value = callWith(one, text).options[one.name];
    expect(isWhole(value), text.slice(0, 40)).toBe(true);
    if (one.kind.words !== undefined) expect(one.kind.words).toContain(text);
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    // Instants have one reader for all surfaces, with its own codes.
    expect(error.code).toMatch(/^(CLI_VALUE|INSTANT_UNIT|INSTANT_VALUE)$/);
    expect(error.exit).toBe(2);
    if (error.code !== 'CLI_VALUE') return;
    expect(error.facts).toEqual({ option: one.name, value: text, wanted: one.kind.wanted });
  }
}

const byCommand = Map.groupBy(cases, ({ command }) => command.name.join(' '));

test.each([...byCommand])('each option of %s has a value, or one coded error, for every hostile text', (_, all) => {
  for (const one of all) for (const text of HOSTILE) checkValue(one, text);
});

test('any option has a value, or one coded error, for any text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.stringMatching(/^[0-9.]{1,8}(ms|s|m|h|d|GiB|kB)$/),
  );
  fc.assert(
    fc.property(fc.constantFrom(...cases), text, (one, value) => {
      // Bytes that are not UTF-8 are refused before.
      if (!value.includes('\ufffd')) checkValue(one, value);
    }),
    { numRuns: 1_000 },
  );
});

test('a default is a text that its option takes, and the page shows', () => {
  for (const { name, option, kind } of cases) {
    if (option.default === undefined || option.isRepeated) continue;
    const text = kind.write(option.default);
    expect(kind.parse(text, name)).toEqual(option.default);
    if (text !== '') expect(helpOf(option)).toContain(`(${text})`);
  }
});

test('every option is on the page of its command with its help, and its words where they are few', () => {
  for (const { command, name, option, kind } of cases) {
    const page = helpPage(command);
    expect(page).toContain(`--${name} ${kind.shown}`);
    expect(page).toContain(helpOf(option));
    for (const word of kind.words ?? []) expect(page).toContain(word);
  }
});

test('a call without an option that is needed names it and what it takes', () => {
  for (const one of cases.filter(({ option }) => option.isNeeded))
    expect(() =>
      parseCall(
        one.command,
        Array.from({ length: one.command.arity[0] }, () => 'a'),
        terminal,
      ),
    ).toThrow(expect.objectContaining({ code: 'CLI_VALUE' }));
});
