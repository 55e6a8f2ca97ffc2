import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { headraceDependency } from './headrace-dependency.ts';
import { inManager, packageManager } from './package-manager.ts';
import type { Template, TemplatePackages } from './template.ts';

/** Files that are extended where they exist; all others must not exist. */
const SHARED = ['package.json', '.gitignore', '.npmrc'];

/** The files of a new project in a folder, by path. Error: INIT_FOLDER. */
export function projectFiles(
  folder: string,
  template: Template,
  now: number,
  manager = packageManager(),
): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  const own = { ...template.files(now), ...(manager.name === 'npm' ? template.npmSettings : {}) };
  for (const [name, text] of Object.entries(own))
    files[name] = SHARED.includes(name) ? linesAdded(join(folder, name), text) : inManager(manager, text);
  const there = Object.keys(files).filter((name) => !SHARED.includes(name) && existsSync(join(folder, name)));
  if (there.length > 0) throw fail('INIT_FOLDER', { folder, files: there });
  // Packages of a declaration have install scripts that are not needed.
  if (Object.keys(template.packages.dependencies).length > 0)
    for (const [name, text] of Object.entries(manager.settings))
      if (!existsSync(join(folder, name))) files[name] = text;
  return { ...files, 'package.json': manifestText(folder, template.packages) };
}

const strings = z.record(z.string(), z.string());
const manifestSchema = z.looseObject({
  scripts: strings.default({}),
  dependencies: strings.default({}),
  devDependencies: strings.default({}),
});

/** The package.json of the folder, or a new one, with the needs of the project; existing members stay. */
function manifestText(folder: string, needs: TemplatePackages): string {
  const { scripts, dependencies, devDependencies, ...rest } = readManifest(folder);
  const manifest = {
    private: true,
    type: 'module',
    ...rest,
    engines: rest['engines'] ?? { node: '>=22.22' },
    scripts: {
      ...needs.scripts,
      ...scripts,
      // The test script of npm init fails always.
      test: scripts['test']?.includes('no test specified') === false ? scripts['test'] : 'node --test',
    },
    dependencies: { headrace: headraceDependency(folder), ...needs.dependencies, ...dependencies },
    devDependencies: { ...needs.devDependencies, ...devDependencies },
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
