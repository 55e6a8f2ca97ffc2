import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Terminal } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { aliases } from '../../src/cli/options/aliases.ts';
import { completionScript } from '../../src/cli/options/completion-script.ts';
import { slipsBetween } from '../../src/cli/options/nearest.ts';
import { asksHelp, findCommand, optionsOf as optionsOfCommand, parseCall } from '../../src/cli/options/parse-call.ts';

const terminal: Terminal = { out: () => {}, err: () => {}, interactive: false, stopped: Promise.resolve() };
const optionsOf = (command: (typeof commands)[number]) => Object.keys(optionsOfCommand(command));

function messageOf(work: () => unknown): string {
  try {
    work();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Every word with one letter left out, doubled or changed, and with two neighbours swapped. */
function slips(word: string): readonly string[] {
  return Array.from(word, (letter, i) => {
    const [before, after] = [word.slice(0, i), word.slice(i + 1)];
    const swapped = after === '' ? [] : [`${before}${after[0]}${letter}${after.slice(1)}`];
    return [`${before}${after}`, `${before}${letter}${word.slice(i)}`, `${before}j${after}`, ...swapped];
  })
    .flat()
    .filter((slip) => slip.length > 2 && slip !== word && !slip.startsWith('-'));
}

describe('did you mean', () => {
  test('every command with a slip in any letter is answered with the command', () => {
    for (const { name } of commands) {
      const whole = name.join(' ');
      for (const slip of slips(whole)) {
        const said = messageOf(() => findCommand(commands, slip.split(' ')));
        // The slip of one may be another, or name one by its first word.
        if (said !== '') expect(said, slip).toContain(`"${whole}"`);
      }
    }
  });

  test('every option with a slip in any letter is answered with the option', () => {
    for (const command of commands)
      for (const option of optionsOf(command))
        for (const slip of slips(option).filter((word) => !optionsOf(command).includes(word)))
          expect(
            messageOf(() => parseCall(command, [`--${slip}`], terminal)),
            slip,
          ).toContain(`--${option}`);
  });

  test('a word that is like none is answered with all commands', () => {
    expect(messageOf(() => findCommand(commands, ['zzzzz']))).toContain('"migrate roll-back"');
  });

  test('slips are counted as by the definition', () => {
    const naive = (a: string, b: string): number => {
      if (a === '' || b === '') return a.length + b.length;
      const [x, y] = [a.slice(0, -1), b.slice(0, -1)];
      const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
      return Math.min(
        naive(x, b) + 1,
        naive(a, y) + 1,
        naive(x, y) + (a.at(-1) === b.at(-1) ? 0 : 1),
        swapped ? naive(x.slice(0, -1), y.slice(0, -1)) + 1 : Number.POSITIVE_INFINITY,
      );
    };
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
    fc.assert(fc.property(word, word, (a, b) => slipsBetween(a, b) === naive(a, b)));
  });
});

test('an alias is no command, and stands for one, with options that it takes', () => {
  for (const [alias, words] of Object.entries(aliases)) {
    expect(commands.some(({ name }) => name.join(' ') === alias)).toBe(false);
    const { command, rest } = findCommand(commands, [...alias.split(' '), 'more']);
    expect(words.slice(0, command.name.length)).toEqual(command.name);
    expect(rest).toEqual([...words.slice(command.name.length), 'more']);
    expect(asksHelp(command, [...rest, '--help'])).toBe(true);
  }
});

describe('completion', () => {
  /** What bash offers for the last word of each line. */
  function offered(lines: readonly (readonly string[])[]): readonly string[][] {
    const asks = lines.map(
      (words) =>
        `COMP_WORDS=(headrace ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _headrace; echo "$(printf '%s ' "\${COMPREPLY[@]}")"`,
    );
    const script = `set -u\n${completionScript('bash', commands)}\n${asks.join('\n')}\n`;
    const { status, stdout, stderr } = spawnSync('bash', ['-s'], { input: script, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ').filter((word) => word !== ''));
  }

  test('offers the words of every command, one after the other, and then every option', () => {
    const [firsts, ...rest] = offered([
      [''],
      ...commands.map(({ name }) => [...name.slice(0, -1), '']),
      ...commands.map(({ name }) => [...name, '--']),
      ...commands.map(({ name }) => [...name, 'a word', '--']),
    ]);
    expect(new Set(firsts)).toEqual(
      new Set([...commands.map(({ name }) => name[0]), ...Object.keys(aliases).map((alias) => alias.split(' ')[0])]),
    );
    const count = commands.length;
    for (const [i, command] of commands.entries()) {
      expect(rest[i]).toContain(command.name.at(-1));
      const options = optionsOf(command);
      for (const at of [count + i, 2 * count + i]) expect(rest[at]).toEqual(options.map((name) => `--${name}`));
    }
  });

  test('offers the rest of a word, and the words that a command takes', () => {
    const seen = offered([['trai'], ['gpu', 'd'], ['completion', ''], ['migrate', 'c'], ['nothing', '']]);
    const wanted = [['train', 'training-set'], ['diagnose'], ['bash', 'zsh', 'fish'], ['copy', 'cut-over'], []];
    expect(seen.map((words) => new Set(words))).toEqual(wanted.map((words) => new Set(words)));
  });

  test('fish has a line for every option of every command', () => {
    const lines = new Set(completionScript('fish', commands).split('\n'));
    for (const command of commands)
      for (const option of optionsOf(command))
        expect(lines).toContain(`complete -c headrace -n '__headrace_words ${command.name.join(' ')}' -l ${option}`);
  });

  /** Where fish is, if it is not on the PATH. */
  const fish = process.env['HEADRACE_FISH'] ?? 'fish';
  const hasFish = spawnSync(fish, ['--version']).status === 0;
  test.skipIf(!hasFish)(`fish offers the words of a command${hasFish ? '' : ': there is no fish'}`, () => {
    const script = completionScript('fish', commands);
    const offered = (line: string) =>
      spawnSync(fish, ['--no-config', '-c', `${script}\ncomplete -C '${line}'`], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter((word) => word !== '');
    expect(offered('headrace trai')).toEqual(['train', 'training-set']);
    expect(offered('headrace migrate c')).toEqual(['copy', 'cut-over']);
    expect(offered('headrace completion ')).toEqual(['bash', 'fish', 'zsh']);
    expect(offered('headrace train --fr')).toEqual(['--from']);
  });
});
