import type { Table } from './table.ts';

/** Refused events by reason, with one of them: a row for each source, code and column of a flush. */
export const quarantineTable: Table = {
  name: 'monitoring/quarantine@1',
  columns: {
    at: 'BIGINT',
    source: 'STRING',
    code: 'STRING',
    column_name: 'STRING',
    events: 'BIGINT',
    reason: 'STRING',
    sample: 'STRING',
  },
};
