import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { headraceDependency } from './headrace-dependency.ts';
import { CONFIG, GITIGNORE, NPMRC, PROJECT, README, REQUIREMENTS, TEST, TSCONFIG } from './project-texts.ts';
import { TRAIN_PY } from './train-program.ts';

/** Files that are extended where they exist; all others must not exist. */
const SHARED = ['package.json', '.gitignore', '.npmrc'];

/** The files of a new project in a folder, by path. Error: INIT_FOLDER. */
export function projectFiles(folder: string, now: number): Readonly<Record<string, string>> {
  const { visits, purchases } = sampleData(now);
  const files = {
    'project.ts': PROJECT,
    'headrace.config.ts': CONFIG,
    'project.test.ts': TEST,
    'tsconfig.json': TSCONFIG,
    'README.md': README,
    'train.py': TRAIN_PY,
    'requirements.txt': REQUIREMENTS,
    'data/visits.csv': visits,
    'data/purchases.csv': purchases,
    'package.json': manifestText(folder),
    '.gitignore': linesAdded(join(folder, '.gitignore'), GITIGNORE),
    '.npmrc': linesAdded(join(folder, '.npmrc'), NPMRC),
  };
  const there = Object.keys(files).filter((name) => !SHARED.includes(name) && existsSync(join(folder, name)));
  if (there.length > 0) throw fail('INIT_FOLDER', { folder, files: there });
  return files;
}

const strings = z.record(z.string(), z.string());
const manifestSchema = z.looseObject({
  scripts: strings.default({}),
  dependencies: strings.default({}),
  devDependencies: strings.default({}),
});

/** The package.json of the folder, or a new one, with the needs of the project; existing members stay. */
function manifestText(folder: string): string {
  const { scripts, dependencies, devDependencies, ...rest } = readManifest(folder);
  const manifest = {
    private: true,
    type: 'module',
    ...rest,
    engines: rest['engines'] ?? { node: '>=22.22' },
    scripts: {
      plan: 'headrace plan',
      dev: 'headrace dev',
      serve: 'headrace serve',
      types: 'tsc',
      ...scripts,
      // The test script of npm init fails always.
      test: scripts['test']?.includes('no test specified') === false ? scripts['test'] : 'node --test',
    },
    dependencies: { headrace: headraceDependency(folder), 'onnxruntime-node': '1.30.0', ...dependencies },
    devDependencies: { '@types/node': '^24', typescript: '^7', ...devDependencies },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function readManifest(folder: string): z.infer<typeof manifestSchema> {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return manifestSchema.parse({});
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw fail('INIT_MANIFEST', { path }, error);
  }
}

/** A text file with the lines that it lacks at its end. */
function linesAdded(path: string, text: string): string {
  if (!existsSync(path)) return text;
  const found = readFileSync(path, 'utf8');
  const lines = found.split(/\r?\n/);
  const lacking = text.split('\n').filter((line) => !lines.includes(line));
  if (lacking.length === 0) return found;
  return `${found}${found.endsWith('\n') || found === '' ? '' : '\n'}${lacking.join('\n')}\n`;
}

const USERS = 60;
const VISITS = 3_000;
const DAY_MS = 86_400_000;
const SPAN_MS = 14 * DAY_MS;
const MINUTE_MS = 60_000;
/** The newest visit is so old that its label is known. */
const UNTIL_MS = 2 * 3_600_000;

/** Two weeks of visits and purchases of a small shop that end shortly before `now`: some users buy often, most rarely. */
function sampleData(now: number): { readonly visits: string; readonly purchases: string } {
  const random = randomNumbers(1);
  const visits = ['id,at,user'];
  const purchases = ['id,at,user,price'];
  for (let i = 0; i < VISITS; i += 1) {
    const at = now - UNTIL_MS - SPAN_MS + Math.floor((SPAN_MS * i) / VISITS);
    const user = Math.floor(random() * USERS);
    visits.push(`v${i},${new Date(at).toISOString()},user-${user}`);
    if (random() > (user % 4 === 0 ? 0.6 : 0.1)) continue;
    const bought = at + Math.ceil(random() * 30) * MINUTE_MS;
    purchases.push(`v${i},${new Date(bought).toISOString()},user-${user},${(5 + random() * 95).toFixed(2)}`);
  }
  return { visits: `${visits.join('\n')}\n`, purchases: `${purchases.join('\n')}\n` };
}

/** Numbers from 0 to 1, the same for the same seed: Marsaglia's xorshift32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
