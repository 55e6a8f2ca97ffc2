import { readdir, readFile } from 'node:fs/promises';
import { isSafePattern } from 'redos-detector';
import { parseAst } from 'rolldown/parseAst';
import { root } from '../run-command.ts';
import { boundedExpressions } from './bounded-expressions.ts';
import type { Check } from './check.ts';

/** A regular expression in a file. */
interface Expression {
  readonly file: string;
  /** As it is written, `/a+/i`; `new RegExp` for one that is made of texts. */
  readonly text: string;
  readonly pattern: string;
  readonly flags: string;
}

/** Folders whose expressions read what anybody sends: there each must be linear. */
const HOSTILE = /^(server|schema|featurestore\/ingest)\//;

/** Expressions that are made of texts are not read: their parts are constants of the same file, or escaped texts. */
const MADE = new Set(['backends/kafka/failure.ts', 'backends/spark/history-engine.ts']);

const SEEDED = 'test/ground/seeded/expressions';

/**
 * No text makes an expression of src take more than linear time, but for those of which a list says why their texts are short or
 * trusted. It counts steps, not time: a slow machine finds the same.
 */
export const expressions: Check = {
  name: 'expressions',
  async run() {
    const found = await expressionsIn('src');
    const seeded = await expressionsIn(SEEDED);
    const missed = seeded.filter(isLinear).map(({ text }) => `${text} of ${SEEDED} is not found`);
    const open = found.filter((one) => !isBounded(one) && !isLinear(one));
    const problems = open.map(({ file, text }) => `src/${file}: ${text} can take more than linear time: rewrite it`);
    return {
      seen: `${found.length} expressions, ${seeded.length - missed.length} seeded faults found`,
      problems: [...problems, ...missed, ...listProblems(found)],
    };
  },
};

function isBounded({ file, text }: Expression): boolean {
  return boundedExpressions.some(({ files }) => files[file]?.includes(text) === true);
}

/** Whether no text makes it backtrack without a bound. */
function isLinear({ file, text, pattern, flags }: Expression): boolean {
  if (text === 'new RegExp') return MADE.has(file);
  // Without a repetition that has no end there is nothing to share.
  if (!/[*+]|\{\d+,\}/.test(pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]/g, ''))) return true;
  return isSafePattern(pattern, {
    caseInsensitive: flags.includes('i'),
    dotAll: flags.includes('s'),
    multiLine: flags.includes('m'),
    unicode: /[uv]/.test(flags),
    maxScore: 100,
    maxSteps: 20_000,
    timeout: Number.POSITIVE_INFINITY,
  }).safe;
}

/** What is wrong with the list: an expression that is gone, or one of a folder whose expressions must be linear. */
function listProblems(found: readonly Expression[]): readonly string[] {
  const known = new Set(found.map(({ file, text }) => `${file} ${text}`));
  return boundedExpressions.flatMap(({ files }) =>
    Object.entries(files).flatMap(([file, texts]) => [
      ...texts
        .filter((text) => !known.has(`${file} ${text}`))
        .map((text) => `src/${file} has no ${text}: take it from the list`),
      ...(HOSTILE.test(file) ? [`src/${file} reads what anybody sends: its expressions must be linear`] : []),
    ]),
  );
}

async function expressionsIn(folder: string): Promise<readonly Expression[]> {
  const files = (await readdir(`${root}/${folder}`, { recursive: true })).filter((path) => path.endsWith('.ts')).sort();
  const lists = await Promise.all(
    files.map(async (file) => expressionsOf(file, await readFile(`${root}/${folder}/${file}`, 'utf8'))),
  );
  return lists.flat();
}

function expressionsOf(file: string, source: string): readonly Expression[] {
  const found: Expression[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, regex, callee } = node as { type?: unknown; regex?: Expression; callee?: { name?: unknown } };
    if (regex !== undefined) found.push({ ...regex, file, text: `/${regex.pattern}/${regex.flags}` });
    else if (type === 'NewExpression' && callee?.name === 'RegExp')
      found.push({ file, text: 'new RegExp', pattern: '', flags: '' });
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseAst(source, { lang: 'ts' }, file));
  return found;
}
