import { expect, test } from 'vitest';
import { refusedStatement } from '../../src/backends/flink/sql-gateway.ts';

const set = [
  'EXECUTE STATEMENT SET BEGIN',
  'INSERT INTO `tiles_by_user_1_300000`',
  'SELECT k_user',
  'FROM t;',
  'INSERT INTO `tiles_by_page_2_300000`',
  'SELECT nothing',
  'FROM t;',
  'END',
].join('\n');

test('the view and the line are those where the validation failed', () => {
  const error = refusedStatement(
    set,
    "SQL validation failed. From line 6, column 8 to line 6, column 14: Column 'nothing' not found",
  );
  expect(error).toMatchObject({
    code: 'FLINK_SQL',
    facts: { table: 'tiles_by_page_2_300000', line: 6, text: 'SELECT nothing' },
    cause: { message: set },
  });
});

test('without a line it is the first table', () => {
  expect(refusedStatement('CREATE TEMPORARY TABLE `events_clicks_1` (\n  id STRING\n)', 'no')).toMatchObject({
    facts: { table: 'events_clicks_1', line: 1 },
  });
});

test('a connector that is not there is named', () => {
  const reason = "Could not find any factory for identifier 'upsert-kafka' that implements 'DynamicTableFactory'";
  expect(refusedStatement(set, reason)).toMatchObject({
    code: 'FLINK_CONNECTOR',
    facts: { connector: 'upsert-kafka' },
  });
});
