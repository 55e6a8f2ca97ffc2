import { fail } from '../../base/errors/fail.ts';
import type { ColumnMap, TagsOf } from './column-factories.ts';
import { type EventSource, type EventSourceOptions, eventSource, type NamesOf } from './event-source.ts';
import { freeze } from './freeze.ts';

export interface ChangeSourceOptions<C extends ColumnMap> extends EventSourceOptions<C> {
  /** The row that a change is of: the text column of its key and the time column that windows go by. */
  readonly row: { readonly id: NamesOf<C, 'text'>; readonly time: NamesOf<C, 'time'> };
  /** A bool column: true where the image is taken away. */
  readonly before: NamesOf<C, 'bool'>;
}

/**
 * A table as the stream of its changes: an insert is one delivery with the row's new image; a delete one with the old
 * image and `before` true; an update both, at one time. `id` identifies a delivery and `time` is when the change
 * happened: at an instant q a view counts the rows that are there after all changes before q, in the windows of their own
 * time. Errors: those of `eventSource`; SOURCE_COLUMN, SOURCE_ROLE.
 */
export function changeSource<C extends ColumnMap>(
  name: string,
  options: ChangeSourceOptions<C>,
): EventSource<TagsOf<C>> {
  const { row, before, ...rest } = options;
  const source = eventSource(name, rest);
  const roles = [
    { role: 'row.id', column: row.id, type: 'text' },
    { role: 'row.time', column: row.time, type: 'time' },
    { role: 'before', column: before, type: 'bool' },
  ];
  for (const { role, column, type } of roles) {
    const spec = Object.hasOwn(source.columns, column) ? source.columns[column] : undefined;
    if (spec?.type !== type || spec.nullable) throw fail('SOURCE_COLUMN', { source: name, role, column, type });
    if (column === source.id) throw fail('SOURCE_ROLE', { source: name, role, column });
  }
  return freeze({ ...source, changes: { id: row.id, time: row.time, before } });
}
