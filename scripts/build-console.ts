import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, root, runCommand } from './run-command.ts';

const built = `${root}/dist/console`;

/** The page of a report, which has the parts of the console in one file. */
const report = `${root}/dist/report-page/report.html`;

const configs = ['vite.config.ts', 'vite.report.config.ts'] as const;

/** Builds the console into dist/console and the page of a report into dist/report-page, unless the builds of these very sources are there. */
export async function buildConsole(): Promise<Pick<Ended, 'code' | 'output'>> {
  const digest = sourceDigest();
  const note = join(built, 'sources.sha256');
  if (existsSync(note) && existsSync(report) && readFileSync(note, 'utf8') === digest) return { code: 0, output: '' };
  // Whatever mode the caller runs in: tests would get React's own checks, which are slower and larger.
  const env = { NODE_ENV: 'production' };
  for (const config of configs) {
    const ended = await runCommand('vite', ['build', '--logLevel', 'warn', '--config', config], {
      cwd: `${root}/console`,
      env,
    });
    if (ended.code !== 0) return ended;
  }
  writeFileSync(note, digest);
  return { code: 0, output: '' };
}

/** Over the sources of the console and the versions of all packages. */
function sourceDigest(): string {
  const hash = createHash('sha256');
  const sources = readdirSync(`${root}/console/src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const pages = ['index.html', 'report.html', ...configs].map((name) => `console/${name}`);
  const others = [...pages, 'scripts/build-console.ts', 'package-lock.json'].map((name) => join(root, name));
  for (const path of [...sources, ...others])
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  return hash.digest('hex');
}
