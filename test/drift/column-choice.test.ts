import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import type { Command } from '../../src/cli/command.ts';
import { driftCompare } from '../../src/cli/commands/drift-compare.ts';
import { driftEstimate } from '../../src/cli/commands/drift-estimate.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { sql } from '../inference/batch-site.ts';
import { runs } from '../runs.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-columns-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Row = Readonly<Record<string, string | number>>;

const ROWS = runs(480, 1_200);
const CHUNK = String(ROWS / 3);

/** Scored and labelled rows with two features, a date and an instant of each label. */
function rowsOf(seed: number): readonly Row[] {
  const random = seededRandom(seed);
  return Array.from({ length: ROWS }, (_, i) => {
    const score = random();
    const at = new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString();
    return {
      score,
      label: random() < score ? 1 : 0,
      predicted_at: at,
      labelled_at: new Date(Date.parse(at) + Math.floor(random() * 1e9)).toISOString(),
      amount: randomNormal(random) * 10 + 40,
      city: `c${Math.floor(random() * 4)}`,
      spare: randomNormal(random),
    };
  });
}

/** A Parquet file with the types that its texts have: to find those of a small CSV takes longer than the rest of a command. */
async function parquet(name: string, rows: readonly Row[], without: readonly string[] = []): Promise<string> {
  const columns = Object.keys(rows[0]).filter((column) => !without.includes(column));
  const [text, path] = [join(folder, `${name}.csv`), join(folder, `${name}.parquet`)];
  writeFileSync(text, [columns, ...rows.map((row) => columns.map((column) => row[column]))].join('\n'));
  await sql(`COPY (FROM '${text}') TO '${path}'`);
  return path;
}

const [before, now] = [rowsOf(1), rowsOf(2)];
const whole = [await parquet('a', before), await parquet('b', now)] as const;
const less = [await parquet('less-a', before, ['spare']), await parquet('less-b', now, ['spare'])] as const;
/** The spare column is in the first file only. */
const mixed = [whole[0], less[1]] as const;

interface Question {
  readonly name: string;
  readonly command: Command;
  readonly args: readonly string[];
  /** Files that it reads. */
  readonly files: 1 | 2;
}

const QUESTIONS: readonly Question[] = [
  { name: 'compare', command: driftCompare, args: [], files: 2 },
  { name: 'estimate', command: driftEstimate, args: ['--chunk', CHUNK], files: 2 },
  {
    name: 'estimate of a regression',
    command: driftEstimate,
    args: ['--task', 'regression', '--chunk', CHUNK],
    files: 2,
  },
  { name: 'slices', command: driftEstimate, args: ['--of', 'slices'], files: 1 },
  { name: 'labels', command: driftEstimate, args: ['--of', 'labels'], files: 1 },
] as const;

interface Answer {
  readonly excluded: readonly { readonly name: string; readonly reason: string }[];
}

async function ask({ command, args, files }: Question, paths: readonly string[], more: readonly string[]) {
  const out: string[] = [];
  const terminal = { out: (text: string) => void out.push(text), err: () => {}, interactive: false };
  const call = parseCall(command, [...paths.slice(0, files), ...args, ...more, '--json'], {
    ...terminal,
    stopped: new Promise<void>(() => {}),
  });
  await command.run(call);
  // Files differ by their names alone.
  return JSON.parse((out.at(-1) ?? '').replaceAll(`${folder}/less-`, `${folder}/`)) as Answer;
}

describe.each(QUESTIONS)('$name', (question) => {
  test('an ignored column plays no part, and is named with its reason', async () => {
    const { excluded, ...rest } = await ask(question, whole, ['--ignore', 'spare']);
    const { excluded: others, ...without } = await ask(question, less, []);
    expect(rest).toEqual(without);
    expect(excluded.filter(({ name }) => name !== 'spare')).toEqual(others);
    expect(excluded).toContainEqual({ name: 'spare', reason: 'ignored' });
    // Whichever file has it.
    for (const files of [mixed, mixed.toReversed()])
      if (question.files === 2) await expect(ask(question, files, ['--ignore', 'spare'])).resolves.toBeDefined();
  });

  test('named features leave the others out, each with its reason', async () => {
    const { excluded, ...rest } = await ask(question, whole, ['--features', 'amount,city']);
    const { excluded: _, ...without } = await ask(question, less, ['--features', 'amount,city']);
    expect(rest).toEqual(without);
    expect(excluded).toContainEqual({ name: 'spare', reason: 'not among the named features' });
    expect(new Set(excluded.map(({ name }) => name)).size).toBe(excluded.length);
  });

  test('a column that no file has is refused by its name', async () => {
    for (const option of ['--ignore', '--features'])
      await expect(ask(question, whole, [option, 'none'])).rejects.toMatchObject({
        code: 'DRIFT_COLUMN',
        facts: { column: 'none' },
      });
    if (question.files === 2)
      await expect(ask(question, mixed, ['--features', 'spare'])).rejects.toMatchObject({ code: 'DRIFT_COLUMN' });
  });
});
