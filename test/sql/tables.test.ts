import { expect, test } from 'vitest';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { partsTable, tileTable } from '../../src/features/plan/tile-table.ts';
import { aggregate, bool, column, decimal, float, int, int64, sourceOf, text, viewOf } from './declare.ts';

test('the raw table has the columns of the source and where each delivery is in the log', () => {
  const source = sourceOf(
    {
      user: text,
      n: int,
      l: int64,
      price: decimal(2),
      f: float,
      b: bool,
      tags: { type: 'list', element: 'text', nullable: true },
    },
    { name: 'purchases', version: 3 },
  );
  expect(rawTable(source)).toEqual({
    name: 'events/purchases@3',
    columns: {
      id: 'STRING',
      at: 'BIGINT',
      user: 'STRING',
      n: 'BIGINT',
      l: 'BIGINT',
      price: 'BIGINT',
      f: 'DOUBLE',
      b: 'BOOLEAN',
      tags: 'LIST<STRING>',
      _ingest_ts: 'BIGINT',
      _partition: 'BIGINT',
      _offset: 'BIGINT',
      _verdict: 'STRING',
    },
  });
});

test.each([
  ['differ only in case', { user: text, User: text }],
  ['are no names', { 'a-b': text }],
  ['are those of the log', { _ingest_ts: int }],
])('columns that %s are refused', (_, columns) => {
  expect(() => rawTable(sourceOf(columns))).toThrow(expect.objectContaining({ code: 'PLAN_NAME' }));
});

test('tiles and parts are in tables of their view, version and hop', () => {
  const source = sourceOf({ user: text, value: int, cat: text });
  const aggregates = [
    aggregate('spread', 'variancePop', column('value'), int),
    aggregate('cats', 'topK', column('cat'), text, { k: 3, cap: 100 }),
  ];
  const view = viewOf(source, { user: 'user' }, aggregates, [{ name: '1h', windowMs: 3_600_000, hopMs: 300_000 }]);
  expect(tileTable(view, 300_000)).toEqual({
    name: expect.stringMatching(/^tiles\/view@1\b.*\/300000$/),
    columns: {
      k_user: 'STRING',
      tile_start: 'BIGINT',
      n: 'BIGINT',
      version: 'BIGINT',
      max_ts: 'BIGINT',
      spread_sum: 'DECIMAL',
      spread_n: 'BIGINT',
      spread_sq: 'DECIMAL',
    },
  });
  expect(partsTable(view, 300_000, aggregates[0])).toBeNull();
  expect(partsTable(view, 300_000, aggregates[1])).toEqual({
    name: expect.stringMatching(/^tiles\/view@1\b.*\/300000\/cats$/),
    columns: { k_user: 'STRING', tile_start: 'BIGINT', version: 'BIGINT', part: 'STRING', part_value: 'BIGINT' },
  });
});
