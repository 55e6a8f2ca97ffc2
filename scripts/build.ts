import { globSync, readFileSync } from 'node:fs';
import { chmod, cp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { buildConsole } from './build-console.ts';
import { root, runCommand } from './run-command.ts';

/** Each becomes one file in place of a hundred: a module costs the start of a command half a millisecond. */
const bundled = ['cli/main', 'base/errors/fail', 'cli/gpu/run-gpu'];

/** Built again where their sources have changed. */
const ofConsole = ['dist/console', 'dist/report-page'];

for (const name of globSync('dist/*', { cwd: root }))
  if (!ofConsole.includes(name)) await rm(join(root, name), { recursive: true });
const { code, output } = await runCommand('tsc', ['-p', 'tsconfig.build.json']);
if (output !== '') console.error(output);
if (code === 0) {
  await bundle();
  await removeInnerTypes();
  await addConsole();
  await chmod(`${root}/dist/cli/start.js`, 0o755);
  // Training programs import it.
  await cp(`${root}/src/training/runner/headrace_job.py`, `${root}/dist/training/runner/headrace_job.py`);
  // The worker of Python models.
  for (const program of ['headrace_worker.py', 'headrace_isolation.py', 'headrace_model.py', 'headrace_onnx.py'])
    await cp(`${root}/src/backends/python/${program}`, `${root}/dist/backends/python/${program}`);
  // Compiled where Spark is.
  for (const program of ['runner', 'score-python', 'score-runner', 'tile-runner'])
    await cp(`${root}/src/backends/spark/${program}`, `${root}/dist/backends/spark/${program}`, { recursive: true });
}
process.exitCode = code;

/** Without its types: the check of types compares them with the routes. */
async function addConsole(): Promise<void> {
  const { code, output } = await buildConsole();
  if (code !== 0) throw new Error(output);
}

/** Types that no entry of the package names are three of four files of types, and each takes a block of the disk of a project. */
async function removeInnerTypes(): Promise<void> {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  const entries = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : entry.types));
  const kept = new Set<string>();
  const open = entries.map((path) => join(root, path));
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (kept.has(file)) continue;
    kept.add(file);
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
      /\b(?:from|import)\b[ (]*['"](\.[^'"]+)\.[jt]s['"]/g,
    ))
      open.push(resolve(file, '..', `${path}.d.ts`));
  }
  for (const path of globSync('dist/**/*.d.ts', { cwd: root }))
    if (!kept.has(join(root, path))) await rm(join(root, path));
}

/** The start of the command line, errors and GPU diagnosis; other modules stay as they are, and load these files. */
async function bundle(): Promise<void> {
  const build = await rolldown({
    input: Object.fromEntries(bundled.map((name) => [name, `${root}/dist/${name}.js`])),
    // A module that finds the package by its own place keeps it.
    external: (id) => /^[^./]/.test(id) || /\/(commands|own-version)\.js$/.test(id),
    platform: 'node',
  });
  await build.write({ dir: `${root}/dist`, entryFileNames: '[name].js', chunkFileNames: 'gpu/chunks/[name].js' });
  await build.close();
}
