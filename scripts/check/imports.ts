import { readdir } from 'node:fs/promises';
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';
import { importRules } from './import-rules.ts';

/**
 * Imports run one way. A reader that finds no modules would find no violations either, so the check also counts the
 * modules of src against its files, and wants every rule to catch the violation that is seeded for it.
 */
export const imports: Check = {
  name: 'imports',
  async run() {
    const { modules, summary } = await cruised(root, ['src', 'examples']);
    const read = modules.filter(({ source, couldNotResolve }) => source.startsWith('src/') && couldNotResolve !== true);
    const files = (await readdir(`${root}/src`, { recursive: true })).filter((path) => path.endsWith('.ts'));
    const problems = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} imports ${to}`);
    if (read.length !== files.length) problems.push(`${read.length} modules were read of ${files.length} files`);
    const missed = await missedSeeds();
    problems.push(...missed.map((name) => `rule ${name} does not catch its violation in test/ground/seeded/imports`));
    return {
      seen: `${read.length} modules, ${importRules.length - missed.length} seeded violations caught`,
      problems,
    };
  },
};

async function missedSeeds(): Promise<readonly string[]> {
  const { summary } = await cruised(`${root}/test/ground/seeded/imports`, ['src', 'examples']);
  const caught = new Set(summary.violations.map(({ rule }) => rule.name));
  return importRules.flatMap(({ name }) => (name === undefined || caught.has(name) ? [] : [name]));
}

async function cruised(baseDir: string, folders: string[]): Promise<ICruiseResult> {
  const ruleSet: IFlattenedRuleSet = { forbidden: [...importRules] };
  const { output } = await cruise(
    folders,
    { baseDir, validate: true, ruleSet, parser: 'swc', moduleSystems: ['es6'], doNotFollow: 'node_modules' },
    { extensions: ['.ts'], conditionNames: ['headrace-source', 'import', 'node', 'default'] },
  );
  if (typeof output === 'string') throw new Error('dependency-cruiser answered with text instead of modules');
  return output;
}
