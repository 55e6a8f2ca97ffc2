import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import manifest from '../package.json' with { type: 'json' };
import { root, runCommand } from './run-command.ts';

/** What a release publishes; git ignores it. */
const place = `${root}/release`;

process.exitCode = await main();

/**
 * `npm run release`: from a clean commit, the package, the Python client, the bill of materials (CycloneDX) and their SHA-256 in
 * `release/`. Known weaknesses of dependencies end it; a registry that does not answer for them is named.
 */
async function main(): Promise<number> {
  const status = await must('git', ['status', '--porcelain']);
  if (status !== '') return refuse('the worktree has changes: commit or stash them first');
  const changelog = await readFile(`${root}/CHANGELOG.md`, 'utf8');
  if (!changelog.includes(`## [${manifest.version}]`))
    return refuse(`CHANGELOG.md has no section ${manifest.version}: give the changes since the last release that name`);
  await rm(place, { recursive: true, force: true });
  await mkdir(place);
  await must('npm', ['pack', '--pack-destination', place]);
  const unfound = await typeFaults(await readFile(`${place}/headrace-${manifest.version}.tgz`));
  if (unfound.length > 0) return refuse(`compilers do not find the types of the package\n${unfound.join('\n')}`);
  const bill = await must('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev', '--sbom-type', 'library']);
  await writeFile(`${place}/headrace-${manifest.version}.cdx.json`, bill);
  for (const kind of ['--omit=dev', '--include=dev']) {
    const audit = await runCommand('npm', ['audit', kind]);
    if (audit.code === 0) continue;
    if (!audit.output.includes('audit endpoint returned an error')) return refuse(audit.output);
    console.error(
      `${kind}: this registry answers no question about known weaknesses: ask another one before you publish`,
    );
  }
  const names = (await readdir(place)).sort();
  const sums = await Promise.all(names.map(async (name) => `${await digestOf(`${place}/${name}`)}  ${name}\n`));
  await writeFile(`${place}/SHA256SUMS`, sums.join(''));
  process.stdout.write(sums.join(''));
  return 0;
}

/** One line for each entry and way of finding modules that does not get its types. */
async function typeFaults(tarball: Uint8Array): Promise<readonly string[]> {
  const checked = await checkPackage(createPackageFromTarballData(tarball));
  if (checked.types === false) return ['the package has no types'];
  // The package is of ES modules: `require` reaches them since Node 22, and the resolution of Node 10 knows no `exports`.
  const faults = checked.problems.filter(({ kind }) => kind !== 'CJSResolvesToESM' && kind !== 'NoResolution');
  return faults.map((fault) => JSON.stringify(fault));
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function must(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, output } = await runCommand(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${output}`);
  return stdout.trim();
}

function refuse(why: string): number {
  console.error(why);
  return 1;
}
