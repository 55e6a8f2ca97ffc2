import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type Page, readPages } from '../markdown.ts';
import { root, runCommand } from '../run-command.ts';
import { runProgram } from '../run-program.ts';
import type { Check } from './check.ts';

/** Inside the repository, so that `headrace` resolves; git does not know it. */
const place = `${root}/.snippets`;

/**
 * Every TypeScript snippet has its types, runs, and prints what its comments tell. The `ts` blocks of a page are one program, from top to bottom; a block
 * fenced as `ts file=NAME` is a file next to it. README.md begins with examples/first.ts, word for word.
 */
export const snippets: Check = {
  name: 'snippets',
  async run() {
    // A report of public types is no program.
    const pages = (await readPages()).filter((page) => !page.path.startsWith('api/') && tsBlocks(page).length > 0);
    await mkdir(place, { recursive: true });
    const folder = await mkdtemp(`${place}/run-`);
    const programs = await Promise.all(pages.map((page) => writeProgram(page, folder)));
    const problems = [...(await firstExample(pages)), ...(await typeProblems(folder))];
    for (const program of programs) problems.push(...(await runProgram(`${program}/page.ts`, [], program)));
    // What failed is left to be looked at.
    if (problems.length === 0) await rm(folder, { recursive: true, force: true });
    return { seen: `${pages.flatMap(tsBlocks).length} snippets on ${pages.length} pages`, problems };
  },
};

function tsBlocks({ blocks }: Page) {
  return blocks.filter(({ language }) => language === 'ts');
}

/** Writes the program of a page; returns the folder it is in. */
async function writeProgram(page: Page, folder: string): Promise<string> {
  const program = `${folder}/${page.path.replace(/\.md$/, '').replaceAll('/', '-')}`;
  await mkdir(program, { recursive: true });
  const files = new Map<string, string>([['page.ts', 'export {};\n']]);
  for (const { note, text, line } of tsBlocks(page)) {
    const name = /^file=(\S+)$/.exec(note)?.[1] ?? 'page.ts';
    files.set(name, `${files.get(name) ?? ''}// ${page.path}:${line}\n${text}`);
  }
  await Promise.all([...files].map(([name, text]) => writeFile(`${program}/${name}`, text)));
  return program;
}

async function typeProblems(folder: string): Promise<readonly string[]> {
  await writeFile(`${folder}/tsconfig.json`, '{ "extends": "../../tsconfig.json", "include": ["**/*.ts"] }\n');
  const { code, output } = await runCommand('tsc', ['-p', folder, '--pretty', 'false']);
  return code === 0 ? [] : output.trim().split('\n');
}

async function firstExample(pages: readonly Page[]): Promise<readonly string[]> {
  const example = await readFile(`${root}/examples/first.ts`, 'utf8').catch(() => undefined);
  const shown = pages.find(({ path }) => path === 'README.md')?.blocks.find(({ language }) => language === 'ts')?.text;
  return example !== undefined && shown === example ? [] : ['the first snippet of README.md is not examples/first.ts'];
}
