import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from '../../src/cli/command.ts';
import { withoutAlias } from '../../src/cli/options/aliases.ts';
import { optionsOf } from '../../src/cli/options/parse-call.ts';
import type { Template } from '../../src/cli/scaffold/template.ts';
import { type Block, blocksOf } from '../markdown.ts';
import { root } from '../run-command.ts';

/** Words after the name of the product that begin a sentence about it, and no command. */
const SENTENCES = ['needs', 'that'];

/** Options of a call that names no command. */
const OF_ALL = ['help', 'version', 'json'];

/** A command that a text of the code names, and the options that follow it there. */
interface Named {
  readonly words: readonly string[];
  readonly options: readonly string[];
}

/** Every command that a text of src or of the examples names exists, and has the options that the text gives it. */
export async function namedInCode(
  commands: readonly Command[],
): Promise<{ seen: number; problems: readonly string[] }> {
  const files = await Promise.all(
    ['src', 'examples'].map(async (folder) => {
      const paths = await readdir(join(root, folder), { recursive: true });
      return paths.filter((path) => /\.tsx?$/.test(path)).map((path) => join(folder, path));
    }),
  );
  const found = await Promise.all(
    files.flat().map(async (path) => {
      const calls = namedIn(await readFile(join(root, path), 'utf8'));
      return calls.map((call) => ({ path, call, fault: nameFault(commands, call) }));
    }),
  );
  const all = found.flat();
  return {
    seen: all.length,
    problems: all.flatMap(({ path, call: { words, options }, fault }) =>
      fault === undefined
        ? []
        : [`${path}: headrace ${[...words, ...options.map((one) => `--${one}`)].join(' ')}: ${fault}`],
    ),
  };
}

/** The calls in a text of a program: up to the end of its line, quote or sentence. */
export function namedIn(text: string): readonly Named[] {
  return [...text.matchAll(/(?<![\w'"@/.-]|import )headrace(?: --)?((?: [^\s'"`,;:()|$]+)+)/g)].flatMap(
    ([, rest = '']) => {
      const words = rest.trim().split(' ');
      const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
      const options = words.flatMap((word) => /^--([a-z][\w-]*)/.exec(word)?.[1] ?? []);
      return [{ words: end === -1 ? words : words.slice(0, end), options }];
    },
  );
}

/** Why a call names no command of the command line; undefined: it does. */
export function nameFault(commands: readonly Command[], { words, options }: Named): string | undefined {
  const [first] = words;
  if (first === undefined) {
    const unknown = options.find((option) => !OF_ALL.includes(option));
    return unknown === undefined ? undefined : `there is no --${unknown}`;
  }
  if (SENTENCES.includes(first)) return undefined;
  const call = withoutAlias(words);
  const named = commands
    .filter(({ name }) => name.every((word, index) => call[index] === word))
    .toSorted((a, b) => b.name.length - a.name.length);
  // A group of commands is named by its first word alone.
  const group = call.length > 1 ? [] : commands.filter(({ name }) => name[0] === call[0]);
  const meant = named.length > 0 ? named.slice(0, 1) : group;
  if (meant.length === 0) return 'there is no such command';
  const known = new Set([...OF_ALL, ...meant.flatMap((command) => Object.keys(optionsOf(command)))]);
  const unknown = options.find((option) => !known.has(option));
  return unknown === undefined ? undefined : `the command has no --${unknown}`;
}

/** A page of a new project, with the scripts that its package.json has. */
export interface TemplatePage {
  readonly path: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly blocks: readonly Block[];
}

/** What the pages of new projects and the end of `headrace init` let a person call. */
export function pagesOfTemplates(templates: readonly Template[]): readonly TemplatePage[] {
  return templates.flatMap((template) => {
    const files = template.files(0);
    const scripts = { ...template.packages.scripts, test: 'node --test' };
    const next = { language: 'sh', note: '', text: template.next.join('\n'), line: 0 };
    return [
      { path: `init ${template.name}`, scripts, blocks: [next, ...scriptBlocks(scripts)] },
      { path: `README.md of ${template.name}`, scripts, blocks: blocksOf(files['README.md'] ?? '') },
      { path: `AGENTS.md of ${template.name}`, scripts, blocks: quotedCalls(files['AGENTS.md'] ?? '') },
    ];
  });
}

function scriptBlocks(scripts: Readonly<Record<string, string>>): readonly Block[] {
  return Object.values(scripts).map((text) => ({ language: 'sh', note: '', text, line: 0 }));
}

/** Commands in backquotes; a word such as `<file>…` stands for one file. */
function quotedCalls(page: string): readonly Block[] {
  return [...page.matchAll(/`((?:npm|npx) [^`]+)`/g)].map(([, text = '']) => ({
    language: 'sh',
    note: '',
    text: text.replaceAll(/<([a-z]+)>…?/g, '$1'),
    line: 0,
  }));
}
