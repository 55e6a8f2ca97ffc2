import { readdir, readFile } from 'node:fs/promises';
import { compareText } from '../../src/base/text-order.ts';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';
import {
  commentBlocks,
  errorBlocks,
  hashBlocks,
  helpBlocks,
  lineAt,
  type ProseBlock,
  pageBlocks,
  testBlocks,
  unreleased,
} from './prose-blocks.ts';
import { proseRules } from './prose-rules.ts';
import { trackedFiles } from './tracked.ts';

interface Finding {
  readonly path: string;
  readonly line: number;
  readonly kind: ProseBlock['kind'];
  readonly rule: string;
  readonly pattern: string;
  readonly text: string;
}

/**
 * Pages, comments, errors, command help and names of tests are plain English, in every text file. The check looks for words and sentence forms by pattern, and
 * counts the words of a sentence (not in comments, tests, tables, headings and code). It does not judge whether a text is clear.
 */
export const prose: Check = {
  name: 'prose',
  async run() {
    const { files, found } = await findings(root);
    const seeded = (await findings(`${root}/test/ground/seeded/prose`)).found;
    const problems = [...proseProblems(found), ...seedProblems(seeded)];
    return {
      seen: `${files} files, ${proseRules.length} patterns with seeded violations`,
      problems,
    };
  },
};

/** A line for each finding. */
export function proseProblems(found: readonly Finding[]): readonly string[] {
  return found.map(({ path, line, rule, text }) => `${path}:${line}: ${rule}: "${text}"`);
}

/** Each pattern finds its seeded violation, each kind of text is read, and plain.md and plain.ts have no finding. */
export function seedProblems(seeded: readonly Finding[]): readonly string[] {
  const kinds: readonly ProseBlock['kind'][] = ['page', 'comment', 'error', 'help', 'test'];
  const where = 'test/ground/seeded/prose';
  return [
    ...proseRules
      .filter(({ name, pattern }) => !seeded.some((finding) => finding.rule === name && finding.pattern === pattern))
      .map(({ name, pattern }) => `no violation in ${where} is caught by ${pattern} of ${name}`),
    ...kinds
      .filter((kind) => !seeded.some((finding) => finding.kind === kind))
      .map((kind) => `no violation in ${where} is caught in text of the kind "${kind}"`),
    ...['CHANGELOG.md', 'clients/faulty.py']
      .filter((name) => !seeded.some(({ path }) => path === name))
      .map((name) => `${where}/${name}: its violation is not caught`),
    ...seeded
      .filter(({ path }) => /\bplain\.\w+$/.test(path))
      .map(({ path, line, rule }) => `${where}/${path}:${line} is plain, and is found by ${rule}`),
  ];
}

/** All findings below a folder that has the shape of the repository. */
async function findings(folder: string) {
  const paths = await readablePaths(folder);
  const found = await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(`${folder}/${path}`, 'utf8');
      return blocksOf(path, text).flatMap((block) => findingsOf(path, block));
    }),
  );
  return { files: paths.length, found: found.flat() };
}

/** Text files of others, or with violations on purpose. */
const LEFT_OUT = /^(?:test\/ground\/seeded|test\/golden|node_modules|dist)\//;

const READ = /\.(?:md|ts|mts|java|py|sh|ya?ml|toml)$/;

async function readablePaths(folder: string): Promise<readonly string[]> {
  const all = folder === root ? await trackedFiles() : await readdir(folder, { recursive: true });
  return all.filter((path) => READ.test(path) && !LEFT_OUT.test(path)).sort(compareText);
}

function blocksOf(path: string, text: string): readonly ProseBlock[] {
  if (path === 'CHANGELOG.md') return pageBlocks(unreleased(text));
  if (path.endsWith('.md')) return pageBlocks(text);
  if (!/\.(?:m?ts|java)$/.test(path)) return hashBlocks(text);
  return [
    ...commentBlocks(text),
    ...(path.startsWith('src/base/errors/') ? errorBlocks(text) : []),
    ...(path.startsWith('src/cli/') ? helpBlocks(text) : []),
    ...(path.startsWith('test/') ? testBlocks(text) : []),
  ];
}

/** Pages and the source of the product: every rule holds there. */
const PRODUCT = /^(?:docs|src)\/|^[A-Z]+\.md$/;

function findingsOf(path: string, block: ProseBlock): readonly Finding[] {
  const rules = PRODUCT.test(path) ? proseRules : proseRules.filter(({ isForm }) => isForm !== true);
  return rules.flatMap(({ name, pattern, find }) =>
    find(block).map(({ at, text }) => ({
      path,
      line: block.line + lineAt(block.text, at) - 1,
      kind: block.kind,
      rule: name,
      pattern,
      text: text.replaceAll(/\s+/g, ' ').slice(0, 80),
    })),
  );
}
