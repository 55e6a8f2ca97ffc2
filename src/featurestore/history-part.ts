import type { PartKind } from '../observe/part-kind.ts';
import type { Unstored } from './publish-storable.ts';

/** The history: rows that a table cannot hold. */
export const historyPart: PartKind<() => readonly Unstored[], object> = {
  name: 'history',
  figures: [
    {
      name: 'headrace_history_rows_unstored',
      type: 'gauge',
      unit: 'rows',
      labels: ['table'],
      help: 'Rows that a table of the history cannot hold, kept as text in unstored/<table>',
      alerts: [
        {
          name: 'HeadraceHistoryRowsUnstored',
          expr: 'headrace_history_rows_unstored > 0',
          for: '0m',
          severity: 'ticket',
          summary:
            '{{ $value }} rows of {{ $labels.table }} could not be stored; training sets lack them. Remove the cause, then run `headrace backfill`.',
        },
      ],
      read: (unstored) => unstored().map(({ table, rows }) => [{ table }, rows]),
    },
  ],
  health: (unstored) =>
    unstored().map(
      ({ table, rows }) =>
        `${rows} rows of the history's ${table} could not be stored and lie in unstored/${table}; training sets lack them`,
    ),
};
