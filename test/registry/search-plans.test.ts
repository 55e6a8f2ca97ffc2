import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import type { QueryClause } from '../../src/ports/registry-query.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';

/** Enough that clauses are not rare: the index of a metric leads the search. */
const RUNS = 4_000;

interface Row {
  readonly no: number;
  readonly auc: number | null;
  readonly loss: number;
  readonly depth: string;
  readonly team: string | null;
}

/** Runs with ties, a NaN, missing metrics and missing tags. */
const rows = Array.from({ length: RUNS }, (_, i): Row => {
  const auc = i % 7 === 0 ? null : i % 50 === 1 ? Number.NaN : ((i * 7_919) % 1_000) / 1_000;
  return { no: i + 1, auc, loss: (i * 31) % 97, depth: String(i % 3), team: i % 2 === 0 ? `ml ${i % 4}` : null };
});

const directory = mkdtempSync(join(tmpdir(), 'headrace-plans-'));
let registry: ModelRegistry;

beforeAll(async () => {
  const path = registryFile(directory);
  await openSqliteRegistry(path).close();
  fill(path);
  registry = openSqliteRegistry(path);
});

afterAll(async () => {
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

function fill(path: string): void {
  const database = new DatabaseSync(path);
  database.exec('BEGIN');
  const run = database.prepare(
    "INSERT INTO runs (no, id, experiment, name, user_name, status, started, ended, uri, stage) VALUES (?, ?, 0, 'r', 'u', 'FINISHED', ?, 1, '', 'active')",
  );
  const metric = database.prepare(
    'INSERT INTO latest_metrics (owner, key, value, nan, at, step) VALUES (?, ?, ?, ?, 1, 0)',
  );
  const param = database.prepare("INSERT INTO run_params (owner, key, value) VALUES (?, 'depth', ?)");
  const tag = database.prepare("INSERT INTO run_tags (owner, key, value) VALUES (?, 'team', ?)");
  for (const { no, auc, loss, depth, team } of rows) {
    run.run(no, String(no).padStart(32, '0'), no % 10);
    if (auc !== null) metric.run(no, 'auc', Number.isNaN(auc) ? 0 : auc, Number(Number.isNaN(auc)));
    metric.run(no, 'loss', loss, 0);
    param.run(no, depth);
    if (team !== null) tag.run(no, team);
  }
  database.exec('COMMIT');
  database.close();
}

type Check = readonly [QueryClause, (row: Row) => boolean];

const at = (of: 'metric' | 'param' | 'tag', key: string) => ({ of, key }) as const;
const others: readonly Check[] = [
  [{ field: at('param', 'depth'), comparison: '=', value: '1' }, ({ depth }) => depth === '1'],
  [{ field: at('param', 'depth'), comparison: '!=', value: '1' }, ({ depth }) => depth !== '1'],
  [{ field: at('param', 'depth'), comparison: '=', value: 'none' }, () => false],
  [{ field: at('tag', 'team'), comparison: 'LIKE', value: 'ml%' }, ({ team }) => team !== null],
  [{ field: at('tag', 'team'), comparison: 'IS NULL', value: null }, ({ team }) => team === null],
  [{ field: at('tag', 'team'), comparison: 'IN', value: ['ml 2', 'x'] }, ({ team }) => team === 'ml 2'],
  [{ field: at('metric', 'loss'), comparison: '<', value: 50 }, ({ loss }) => loss < 50],
  [{ field: at('metric', 'loss'), comparison: '=', value: 31 }, ({ loss }) => loss === 31],
  [{ field: at('metric', 'auc'), comparison: '!=', value: 0.5 }, ({ auc }) => auc !== null && auc !== 0.5],
  [{ field: { of: 'attribute', key: 'start_time' }, comparison: '>', value: 4 }, ({ no }) => no % 10 > 4],
];

const bounds = fc.tuple(fc.constantFrom('>', '>=', '<', '<=', '=' as const), fc.integer({ min: -10, max: 1_010 }));

function isWithin(auc: number, comparison: string, bound: number): boolean {
  if (comparison === '=') return auc === bound;
  const isEqual = comparison.endsWith('=') && auc === bound;
  return isEqual || (comparison.startsWith('>') ? auc > bound : auc < bound);
}

test('a search that the index of a metric leads finds the same pages as a scan', async () => {
  await fc.assert(
    fc.asyncProperty(
      bounds,
      fc.subarray([...others], { maxLength: 2 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 300 }),
      async ([comparison, thousandths], chosen, ascending, offset) => {
        const bound = thousandths / 1_000;
        const lead = { field: at('metric', 'auc'), comparison, value: bound } as const;
        const page = await registry.searchRuns({
          experiments: ['0'],
          view: 'active',
          filter: [...chosen.slice(0, 1).map(([clause]) => clause), lead, ...chosen.slice(1).map(([clause]) => clause)],
          order: [{ field: at('metric', 'auc'), ascending }],
          limit: 20,
          offset,
        });
        const fits = rows
          .flatMap((row) =>
            row.auc !== null && isWithin(row.auc, comparison, bound) ? [{ ...row, auc: row.auc }] : [],
          )
          .filter((row) => chosen.every(([, holds]) => holds(row)))
          .sort((a, b) => (ascending ? a.auc - b.auc : b.auc - a.auc) || (b.no % 10) - (a.no % 10) || a.no - b.no);
        expect(page.rows.map(({ info }) => Number(info.id))).toEqual(
          fits.slice(offset, offset + 20).map(({ no }) => no),
        );
        expect(page.more).toBe(fits.length > offset + 20);
      },
    ),
    { numRuns: 200 },
  );
});
