import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, expectTypeOf, onTestFinished, test } from 'vitest';
import {
  add,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  int64,
  last,
  lookup,
  multiply,
  nullable,
  streamView,
  subtract,
  sum,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';

const START = Date.UTC(2026, 0, 1);
const lines = eventSource('lines', {
  id: 'id',
  time: 'at',
  columns: {
    id: text(),
    at: time(),
    user: text(),
    quantity: int(),
    big: int64(),
    price: decimal(2),
    rebate: nullable(decimal(3)),
  },
});
const spent = streamView('spent', {
  source: lines,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: (e) => ({
    total: sum(multiply(e.quantity, e.price)),
    turned: sum(multiply(e.price, e.quantity)),
    long: sum(multiply(e.big, e.price)),
    rebates: sum(multiply(e.rebate, e.quantity)),
    double: sum(multiply(e.price, 2)),
    mixed: last(multiply(e.big, 3)),
    beside: sum(add(e.quantity, e.big)),
    before: last(subtract(e.big, e.quantity)),
    product: last(multiply(e.quantity, e.big)),
  }),
});
const service = featureService('spender', {
  request: { user: text() },
  join: (r) => ({ s: lookup(spent, { user: r.user }) }),
});

test('a whole number times a decimal is a decimal of its scale, an int next to an int64 an int64, served and in training sets', async () => {
  expectTypeOf(spent.outputs.total_1h).toEqualTypeOf<'decimal?'>();
  expectTypeOf(spent.outputs.mixed_1h).toEqualTypeOf<'int64?'>();
  const directory = mkdtempSync(join(tmpdir(), 'headrace-multiply-'));
  const project = defineProject('multiply', { lines, spent, service });
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => START });
  onTestFinished(async () => {
    await headrace.close();
    rmSync(directory, { recursive: true, force: true });
  });
  await headrace.ingest(lines, [
    { id: 'a', at: START - 2, user: 'ann', quantity: 3, big: 2n ** 60n, price: '12.09', rebate: null },
    { id: 'b', at: START - 1, user: 'ann', quantity: -2, big: 5n, price: '0.10', rebate: '0.125' },
  ]);
  // 2^60 times 12.09 is beyond int64, and null.
  expect((await headrace.vector(service, { user: 'ann' })).features).toEqual({
    s_total_1h: '36.07',
    s_turned_1h: '36.07',
    s_long_1h: '0.50',
    s_rebates_1h: '-0.250',
    s_double_1h: '24.38',
    s_mixed_1h: 15n,
    s_beside_1h: 2n ** 60n + 3n + 5n - 2n,
    s_before_1h: 7n,
    s_product_1h: -10n,
  });
  const spine = join(directory, 'spine.jsonl');
  writeFileSync(spine, JSON.stringify({ _at: START, user: 'ann' }));
  const out = join(directory, 'set.parquet');
  await headrace.writeTrainingSet(service, out, { spine: { path: spine } });
  const rows: unknown[] = [];
  for await (const batch of headrace.history.query(`SELECT s_total_1h, s_long_1h, s_rebates_1h FROM '${out}'`))
    rows.push(...batch);
  expect(rows).toEqual([[36.07, 0.5, -0.25]]);
});
