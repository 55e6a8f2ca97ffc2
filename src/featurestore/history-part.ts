import type { PartKind } from '../observe/part-kind.ts';
import type { DamagedFile } from '../ports/offline-store.ts';
import type { Unstored } from './publish-storable.ts';

export interface HistorySource {
  /** Rows that a table cannot hold. */
  readonly unstored: () => readonly Unstored[];
  /** Files whose bytes differ from the published ones. */
  readonly damaged: () => readonly DamagedFile[];
}

/** The history: rows that a table cannot hold, files that are damaged. */
export const historyPart: PartKind<HistorySource, object> = {
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
      read: ({ unstored }) => unstored().map(({ table, rows }) => [{ table }, rows]),
    },
    {
      name: 'headrace_history_files_damaged',
      type: 'gauge',
      unit: 'files',
      labels: [],
      help: 'Files of the history whose bytes differ from the published ones',
      alerts: [
        {
          name: 'HeadraceHistoryDamaged',
          expr: 'headrace_history_files_damaged > 0',
          for: '0m',
          severity: 'page',
          summary:
            '{{ $value }} files of the history are damaged and answer nothing. Stop the server and run `headrace restore --damaged`.',
        },
      ],
      read: ({ damaged }) => [[{}, damaged().length]],
    },
  ],
  health: ({ unstored, damaged }) => [
    ...unstored().map(
      ({ table, rows }) =>
        `${rows} rows of the history's ${table} could not be stored and lie in unstored/${table}; training sets lack them`,
    ),
    ...damaged().map(
      ({ table, file, reason }) =>
        `the file ${file} of the history is damaged: ${reason}; reads of ${table} fail until it is repaired`,
    ),
  ],
};
