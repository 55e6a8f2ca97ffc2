import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Command, Terminal } from '../../src/cli/command.ts';
import { asksHelp, findCommand, parseCall } from '../../src/cli/options/parse-call.ts';
import { readPages } from '../markdown.ts';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';
import { namedInCode, pagesOfTemplates } from './printed-commands.ts';

const manifest = z.object({ scripts: z.record(z.string(), z.string()) });

const builtIn = ['ci', 'install', 'i', 'pack', 'init'];

const terminal: Terminal = { out: () => {}, err: () => {}, interactive: false, stopped: Promise.resolve() };

/**
 * Every command line in a `sh` block is one, also on the pages of new projects: npm scripts exist, and headrace's own parser takes what
 * follows `headrace`. Every command that a text of the code names exists, with its options.
 */
export const commands: Check = {
  name: 'commands',
  async run() {
    // Imported here, so that a fault of a command does not end the other checks.
    const { commands: known } = await import('../../src/cli/commands.ts');
    const { templates } = await import('../../src/cli/scaffold/templates.ts');
    const { scripts: own } = manifest.parse(JSON.parse(await readFile(`${root}/package.json`, 'utf8')));
    const pages = (await readPages()).map((page) => ({ ...page, scripts: own }));
    const lines = [...pages, ...pagesOfTemplates(templates)].flatMap(({ path, scripts, blocks }) =>
      blocks
        .filter(({ language }) => language === 'sh')
        .flatMap(({ text }) => callsOf(text).map((call) => ({ path, scripts, call }))),
    );
    const inCode = await namedInCode(known);
    const problems = lines.flatMap(({ path, scripts, call }) => {
      const fault = call[0] === 'npm' ? npmFault(call, scripts) : headraceFault(known, call);
      return fault === undefined ? [] : [`${path}: ${call.join(' ')}: ${fault}`];
    });
    return {
      seen: `${lines.length} command lines, ${inCode.seen} commands in texts of the code`,
      problems: [...problems, ...inCode.problems],
    };
  },
};

/** The words of each call of npm or headrace in a block; a line that ends with a backslash continues. */
export function callsOf(block: string): readonly (readonly string[])[] {
  return block
    .replaceAll(/\\\n\s*/g, ' ')
    .split(/\n|&&|\|/)
    .map((line) => wordsOf(line.replace(/\s#.*$/, '').trim()))
    .map((words) => (words[0] === 'npx' ? withoutPackage(words.slice(1)) : words))
    .filter(([command]) => command === 'npm' || command === 'headrace');
}

/** The call of npx without its own options. */
function withoutPackage(words: readonly string[]): readonly string[] {
  return words[0] === '--package' ? words.slice(2) : words;
}

function wordsOf(line: string): readonly string[] {
  return (line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []).map((word) => word.replaceAll(/['"]/g, ''));
}

function npmFault(
  [, verb = '', name = '']: readonly string[],
  scripts: Readonly<Record<string, string>>,
): string | undefined {
  const script = verb === 'run' ? name : verb;
  return builtIn.includes(script) || script in scripts ? undefined : 'package.json has no such script';
}

function headraceFault(all: readonly Command[], [, ...args]: readonly string[]): string | undefined {
  if (args.length === 0 || args[0] === '--help') return undefined;
  try {
    const { command, rest } = findCommand(all, args);
    if (!asksHelp(command, rest)) parseCall(command, rest, terminal);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
