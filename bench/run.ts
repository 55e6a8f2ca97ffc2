import { readdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { root, runCommand } from '../scripts/run-command.ts';
import { type Figure, figureSchema, figureTable } from './figure.ts';

const { values, positionals } = parseArgs({ options: { users: { type: 'string' } }, allowPositionals: true });
// Benches of large stores read it.
if (values.users !== undefined) process.env['HEADRACE_BENCH_USERS'] = values.users;
process.exitCode = (await main(positionals)) ? 0 : 1;

/**
 * Runs the named benches, all if none is named, each in its own process, one after the other. A run of all is kept in
 * bench/results.md and in README.md between the marks for figures.
 */
async function main(names: readonly string[]): Promise<boolean> {
  const all = (await readdir(`${root}/bench`)).filter((file) => file.endsWith('.bench.ts')).sort();
  const chosen = all.filter((file) => names.length === 0 || names.includes(file.replace('.bench.ts', '')));
  if (chosen.length === 0) {
    console.error(`no such bench; there are ${all.join(', ') || 'none'}`);
    return false;
  }
  const figures: Figure[] = [];
  let whole = names.length === 0;
  for (const file of chosen) {
    const found = await figuresOf(file);
    whole &&= found !== null;
    figures.push(...(found ?? []));
  }
  const table = `${figureTable(figures)}\n\n${machine()}`;
  console.log(`\n${table}`);
  if (whole) await keep(table);
  return whole || names.length > 0;
}

/** The figures of a bench: none of one that lacks what it needs and says so, null of one that failed. */
async function figuresOf(file: string): Promise<readonly Figure[] | null> {
  const start = performance.now();
  const args = ['--conditions=headrace-source', '--expose-gc', `${root}/bench/${file}`];
  const { code, stdout, output } = await runCommand('node', args, { limitMs: 1_800_000 });
  console.error(`${file} ${((performance.now() - start) / 1000).toFixed(0)} s`);
  if (code !== 0) {
    console.error(output);
    return null;
  }
  if (stdout.includes(': skipped, ')) console.error(stdout);
  else if (!stdout.includes('{')) return null;
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => figureSchema.parse(JSON.parse(line)));
}

function machine(): string {
  const models = [...new Set(cpus().map(({ model }) => model.trim()))].join(', ');
  const memory = Math.round(totalmem() / 2 ** 30);
  return `Measured on ${cpus().length} × ${models}, ${memory} GiB, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}.`;
}

async function keep(table: string): Promise<void> {
  await writeFile(
    `${root}/bench/results.md`,
    `# Figures\n\nWritten by \`npm run bench\`; not edited by hand.\n\n${table}\n`,
  );
  const path = `${root}/README.md`;
  const readme = await readFile(path, 'utf8');
  await writeFile(path, withRowsOf(table, readme));
}

/** The page with each of its figures as the table has it: a figure is known by its name, the first cell. */
function withRowsOf(table: string, page: string): string {
  const rows = new Map(table.split('\n').map((row) => [row.split(' | ')[0], row]));
  const measured = table.split('\n').find((line) => line.startsWith('Measured on'));
  return page
    .replace(/(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)/s, (block) =>
      block
        .split('\n')
        .map((row) => rows.get(row.split(' | ')[0]) ?? row)
        .join('\n'),
    )
    .replace(/^Measured on .*$/m, (line) => measured ?? line);
}
