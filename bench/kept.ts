import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { root } from '../scripts/run-command.ts';
import { type Figure, figureSchema, figureTable } from './figure.ts';

/** The figures of one bench, and where they are from. */
const keptSchema = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  date: z.iso.date(),
  machine: z.string(),
  /** Cores that others took just before it began. */
  others: z.number().nonnegative(),
  seconds: z.int().nonnegative(),
  figures: z.array(figureSchema),
  /** What it left out, since this machine lacks something. */
  skipped: z.array(z.string()),
});

export type Kept = z.infer<typeof keptSchema>;

/** The kept figures of each bench, by its name. */
export type Results = Readonly<Record<string, Kept>>;

const resultsSchema = z.record(z.string(), keptSchema);

/** Written by a run of the benches, and no part of what they measure. */
export const writtenByBenches = ['bench/results.json', 'bench/results.md', 'README.md'];

/** Reads the kept figures; none where nothing was kept. */
export async function readResults(): Promise<Results> {
  const text = await readFile(`${root}/bench/results.json`, 'utf8').catch(() => '{}');
  return resultsSchema.parse(JSON.parse(text));
}

/** Keeps the figures, and writes the page and the rows of the README from them. */
export async function writeResults(results: Results): Promise<void> {
  const sorted = Object.fromEntries(Object.entries(results).sort(([a], [b]) => (a < b ? -1 : 1)));
  await replaced('bench/results.json', `${JSON.stringify(sorted, null, 2)}\n`);
  const page = resultsPage(sorted);
  await replaced('bench/results.md', page);
  await replaced('README.md', withRowsOf(page, await readFile(`${root}/README.md`, 'utf8')));
}

/** A stop in the middle leaves the old file or the new one. */
async function replaced(path: string, text: string): Promise<void> {
  const place = `${root}/${path}`;
  await writeFile(`${place}.new`, text);
  await rename(`${place}.new`, place);
}

/** One table for each bench, under its commit, date, machine and load. */
export function resultsPage(results: Results): string {
  const parts = Object.entries(results).map(([name, { commit, date, machine, others, seconds, figures, skipped }]) => {
    const from = `Measured on ${machine}, ${date}, commit ${commit.slice(0, 12)}. Others took ${others.toFixed(2)} cores before it; it ran for ${seconds} s.`;
    const lacks = skipped.map((text) => `Left out: ${text}`);
    const table = figures.length === 0 ? [] : [figureTable(figures)];
    return [`## ${name}`, from, ...lacks, ...table].join('\n\n');
  });
  const page = ['# Figures', 'Written by `npm run bench`; not edited by hand.', ...parts];
  return `${page.join('\n\n')}\n`;
}

/** A page with each of its figures as the results have it, by its name, the first cell; and with where one of them is from. */
export function withRowsOf(results: string, page: string): string {
  const rows = new Map<string | undefined, { readonly row: string; readonly from: string }>();
  let from = '';
  for (const row of results.split('\n')) {
    if (row.startsWith('Measured on ')) from = row.replace(/ Others took .*/, '');
    else if (row.startsWith('| ')) rows.set(row.split(' | ')[0], { row, from });
  }
  const found: string[] = [];
  const block = /(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)/s;
  const written = page.replace(block, (text) =>
    text
      .split('\n')
      .map((line) => {
        const known = line.startsWith('| figure |') ? undefined : rows.get(line.split(' | ')[0]);
        if (known !== undefined) found.push(known.from);
        return known?.row ?? line;
      })
      .join('\n'),
  );
  const last = found.at(-1);
  return last === undefined ? page : written.replace(/Measured on .*$/m, () => last);
}

/** The figures of what a bench printed, and what it says that it left out; null where a figure is broken. */
export function printedFigures(stdout: string): { readonly figures: Figure[]; readonly skipped: string[] } | null {
  const lines = stdout.split('\n');
  const figures = lines.filter((line) => line.startsWith('{')).map(figureOf);
  if (figures.includes(null)) return null;
  return {
    figures: figures.filter((figure) => figure !== null),
    skipped: lines.filter((line) => /(^|: )skipped[,:] /.test(line)),
  };
}

function figureOf(line: string): Figure | null {
  try {
    return figureSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
