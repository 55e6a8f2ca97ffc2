import { readFile } from 'node:fs/promises';
import { root, runCommand } from './run-command.ts';

/** A fenced block of a page: its language, what follows it on the fence, its text, and the line it begins on. */
export interface Block {
  readonly language: string;
  readonly note: string;
  readonly text: string;
  readonly line: number;
}

/** A Markdown page of the repository, by its path from the root. */
export interface Page {
  readonly path: string;
  readonly blocks: readonly Block[];
}

/** All Markdown pages that git knows or would add. */
export async function readPages(): Promise<readonly Page[]> {
  const { stdout } = await runCommand('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md']);
  const paths = [...new Set(stdout.split('\0'))].filter((path) => path !== '');
  return Promise.all(
    paths.map(async (path) => ({ path, blocks: blocksOf(await readFile(`${root}/${path}`, 'utf8')) })),
  );
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1] ?? '',
    note: (match[2] ?? '').trim(),
    text: match[3] ?? '',
    line: page.slice(0, match.index).split('\n').length,
  }));
}

/** The anchor that a heading gets: lower case, spaces as hyphens, without punctuation. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
