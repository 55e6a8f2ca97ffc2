import { fail } from '../../../base/errors/fail.ts';
import type { OfflineTable, RowBatch } from '../../../ports/offline-store.ts';

/** Rejects rows in which a column has another length than they say. Error: OFFLINE_ROWS. */
export function checkRows({ name, columns }: OfflineTable, rows: RowBatch): void {
  Object.keys(columns).forEach((column, c) => {
    const found = c < rows.columns.length ? rows.columns[c].length : 0;
    if (found !== rows.rows) throw fail('OFFLINE_ROWS', { table: name, rows: rows.rows, found, column });
  });
}

/** The batches, each checked before it is given on. Error: OFFLINE_ROWS. */
export async function* eachChecked(table: OfflineTable, batches: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch> {
  for await (const rows of batches) {
    checkRows(table, rows);
    yield rows;
  }
}
