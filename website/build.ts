import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runCommand } from '../scripts/run-command.ts';
import { siteVariable } from './settings.ts';
import { hasIndex } from './sidebar.ts';

const here = `${root}/website`;

/** Where the site is built. */
export const siteFolder = `${root}/dist/docs`;

/** Builds the documentation into a folder; each further version, a Git reference, into a folder of its name in it. */
export async function buildSite(out = siteFolder, older: readonly string[] = []): Promise<void> {
  await installOnce();
  rmSync(out, { recursive: true, force: true });
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  const link = (text: string, path: string) => ({ text, link: path, target: '_self' }) as const;
  const versions = [link(version, '/index.html'), ...older.map((name) => link(name, `/${name}/index.html`))];
  await fromPages((source) => {
    cpSync(`${root}/docs`, source, { recursive: true });
    return { source, out, version, versions };
  });
  for (const name of older)
    await fromPages(async (folder) => {
      await succeed('sh', ['-c', 'git archive "$1" docs | tar -x -C "$2"', 'sh', name, folder], root);
      const source = `${folder}/docs`;
      if (!hasIndex(source)) throw new Error(`docs/README.md of ${name} has no sections to make a sidebar of`);
      return { source, out: join(out, name), version: name, versions: [link(`${version} (newest)`, '/../index.html')] };
    });
}

type Settings = Parameters<typeof siteVariable>[0];

/** Builds from a copy of pages in this folder, where VitePress finds its packages; the copy is removed at the end. */
async function fromPages(prepare: (folder: string) => Settings | Promise<Settings>): Promise<void> {
  const folder = mkdtempSync(`${here}/.pages-`);
  try {
    const settings = await prepare(folder);
    const program = `${here}/node_modules/vitepress/bin/vitepress.js`;
    await succeed('node', [program, 'build', here], here, siteVariable(settings));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The packages of the site have their own lock file, so that `npm ci` of the repository does not fetch them. */
async function installOnce(): Promise<void> {
  const lock = readFileSync(`${here}/package-lock.json`, 'utf8');
  const mark = `${here}/node_modules/.installed-lock`;
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  await succeed('npm', ['ci', '--no-audit', '--no-fund'], here);
  mkdirSync(`${here}/node_modules`, { recursive: true });
  writeFileSync(mark, lock);
}

async function succeed(command: string, args: readonly string[], cwd: string, env = {}): Promise<void> {
  const { code, output } = await runCommand(command, args, { cwd, env, limitMs: 600_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.slice(-4000)}`);
}
