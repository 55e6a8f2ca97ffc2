import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { blocksOf } from '../../scripts/markdown.ts';
import type { EventSourceData, FeatureServiceData } from '../../src/features/define/declaration.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 2, 1);
/** The cookbook reads at midnight, where every window begins at a hop. */
const INSTANTS = [NOW, NOW - DAY_MS, NOW - 9 * DAY_MS];

interface Recipe {
  readonly name: string;
  readonly source: EventSourceData;
  readonly service: FeatureServiceData;
  readonly sql: string;
}

type Row = Readonly<Record<string, unknown>>;

mkdirSync(`${ROOT}.snippets`, { recursive: true });
const folder = mkdtempSync(`${ROOT}.snippets/cookbook-`);
const names = readdirSync(`${ROOT}docs/cookbook`).filter((name) => name !== 'README.md');
const recipes = await Promise.all(names.map(readRecipe));
let duckdb: DuckDBConnection;

beforeAll(async () => {
  duckdb = await (await DuckDBInstance.create()).connect();
});

afterAll(async () => {
  duckdb?.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

test('there are twelve recipes, and each has one declaration and one query', () => {
  expect(recipes).toHaveLength(12);
});

test.each(recipes)('$name: served vectors and training rows have the values of its SQL', async (recipe) => {
  const { name, service, sql } = recipe;
  const headrace = await filled(recipe);
  const spine: Row[] = [];
  const expected: Row[] = [];
  for (const at of INSTANTS) {
    for (const row of await answers(sql, at)) {
      const request = requestOf(service, row, at);
      // Tiles answer for now, the history for every instant.
      if (at === NOW)
        compare({ ...keyOf(service, row), ...(await headrace.vector(service, request)).features }, row, name);
      spine.push({ ...request, asked: at });
      expected.push(row);
    }
  }
  expect(expected.length).toBeGreaterThanOrEqual(INSTANTS.length);
  const rows = await trainingRows(headrace, recipe, spine);
  expect(rows).toHaveLength(expected.length);
  rows.forEach(({ asked, now, ...values }, index) => {
    compare(values, expected[index] ?? {}, `row ${index} of the training set of ${name}`);
  });
});

/** A project of one recipe with random events, which are a table of DuckDB too. */
async function filled({ name, source, service }: Recipe): Promise<Headrace> {
  const events = randomEvents(source);
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(events));
  await duckdb.run(`CREATE TABLE ${source.name} AS FROM read_json('${path}', columns = {${columnsOf(source)}})`);
  const project = defineProject('cookbook', { service });
  const environment = { directory: join(folder, name) };
  const headrace = await openHeadrace({ project, environment, clock: () => NOW });
  onTestFinished(() => headrace.close());
  await headrace.bootstrap(source, events);
  return headrace;
}

/** Runs the `ts` block of a page as a module, and takes its `sql` block as it is. */
async function readRecipe(file: string): Promise<Recipe> {
  const blocks = blocksOf(readFileSync(`${ROOT}docs/cookbook/${file}`, 'utf8'));
  expect(blocks.map(({ language }) => language)).toEqual(['ts', 'sql']);
  const path = join(folder, file.replace('.md', '.ts'));
  writeFileSync(path, blocks[0]?.text ?? '');
  const { source, service } = await import(path);
  return { name: file.replace('.md', ''), source, service, sql: blocks[1]?.text ?? '' };
}

/** Up to 150 events of the 45 days before now, with few keys and few values, so that they meet. */
function randomEvents(source: EventSourceData): readonly Row[] {
  const at = fc.integer({ min: NOW - 45 * DAY_MS, max: NOW - 1 });
  const few = (values: readonly unknown[]) => fc.constantFrom(...values);
  const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    kind: few(['sale', 'refund', 'gift']),
    page: few(['cart', 'home']),
    state: few(['failed', 'paid']),
    price: fc.integer({ min: -500, max: 99_999 }).map((cents) => (cents / 100).toFixed(2)),
    bought: fc.boolean(),
  };
  const columns = Object.keys(source.columns)
    .filter((name) => name !== 'id' && name !== 'at')
    .map((name) => [name, values[name] ?? few([`${name}-a`, `${name}-b`, `${name}-ü`])] as const);
  const event = fc.record({ at, ...Object.fromEntries(columns) });
  const [drawn = []] = fc.sample(fc.array(event, { minLength: 60, maxLength: 150 }), { numRuns: 1 });
  // History is taken in the order of its times: an event that is older by more than the lateness does not count.
  const inOrder = drawn.toSorted((one, other) => one.at - other.at);
  return inOrder.map((one, index) => ({ ...one, id: `e-${String(index).padStart(4, '0')}` }));
}

const SQL_TYPES: Readonly<Record<string, string>> = {
  text: 'VARCHAR',
  time: 'BIGINT',
  decimal: 'DECIMAL(18, 2)',
  bool: 'BOOLEAN',
};

function columnsOf({ columns }: EventSourceData): string {
  return Object.entries(columns)
    .map(([name, { type }]) => `"${name}": '${SQL_TYPES[type]}'`)
    .join(', ');
}

/** The rows of the query of a page as of an instant. */
async function answers(sql: string, at: number): Promise<readonly Row[]> {
  const prepared = await duckdb.prepare(sql);
  prepared.bind({ at: BigInt(at) });
  return (await prepared.runAndReadAll()).getRowObjectsJson();
}

/** The key of a row, and `now` where a service asks for it. */
function requestOf({ request }: FeatureServiceData, row: Row, at: number): Row {
  return Object.fromEntries(Object.keys(request).map((name) => [name, name === 'now' ? at : row[name]]));
}

function keyOf({ request }: FeatureServiceData, row: Row): Row {
  return Object.fromEntries(
    Object.keys(request)
      .filter((name) => name !== 'now')
      .map((name) => [name, row[name]]),
  );
}

async function trainingRows(
  headrace: Headrace,
  { name, service }: Recipe,
  spine: readonly Row[],
): Promise<readonly Row[]> {
  const path = join(folder, `${name}.spine.jsonl`);
  const out = join(folder, `${name}.parquet`);
  writeFileSync(path, spine.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await headrace.writeTrainingSet(service, out, { spine: { path, time: 'asked' } });
  return (await duckdb.runAndReadAll(`FROM read_parquet('${out}')`)).getRowObjectsJson();
}

/** Equal columns, and equal values: a mean and a spread within the last bits of a double, all others exactly. */
function compare(found: Row, expected: Row, where: string): void {
  expect(new Set(Object.keys(found)), where).toEqual(new Set(Object.keys(expected)));
  for (const [column, value] of Object.entries(expected)) {
    const [one, other] = [plain(found[column]), plain(value)];
    if (typeof one === 'number' && typeof other === 'number')
      expect(Math.abs(one - other), `${where}: ${column} is ${one}, not ${other}`).toBeLessThanOrEqual(
        1e-12 * Math.abs(other),
      );
    else expect(one, `${where}: ${column}`).toEqual(other);
  }
}

/** A number where a text is one: DuckDB and the API write exact numbers as texts. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(value) ? Number(value) : value;
}
