import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useRef } from 'react';
import css from './long-table.module.css';

/** A column of a long table. */
export interface LongColumn<T> {
  readonly id: string;
  readonly title: string;
  readonly isFigure?: boolean;
  /** Widest text that it shows, in characters. */
  readonly width: number;
  readonly cell: (row: T) => ReactNode;
}

/** The order of a table: a column, and whether the greatest comes first. */
export interface Order {
  readonly by: string;
  readonly down: boolean;
}

const ROW_PX = 34;

/** A table of any length: it renders the rows that are seen. The caller filters and sorts them. */
export function LongTable<T>(props: {
  readonly label: string;
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly columns: readonly LongColumn<T>[];
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}) {
  const { label, rows, keyOf, columns, order, onOrder } = props;
  const scroll = useRef<HTMLElement>(null);
  const seen = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const template = { gridTemplateColumns: columns.map(({ width }) => `minmax(${width}ch, 1fr)`).join(' ') };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: its rows scroll by the keyboard too
    <section ref={scroll} className={css.scroll} aria-label={label} tabIndex={0}>
      <table className={css.table} aria-rowcount={rows.length + 1}>
        <thead>
          <tr className={css.head} style={template}>
            {columns.map((column) => (
              <Title key={column.id} column={column} order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody className={css.body} style={{ height: seen.getTotalSize() }}>
          {seen.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const place = { ...template, transform: `translateY(${start}px)` };
            return (
              <tr key={keyOf(row)} aria-rowindex={index + 2} className={css.row} style={place}>
                {columns.map(({ id, isFigure = false, cell }) => (
                  <td key={id} data-figure={isFigure}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Title<T>(props: {
  readonly column: LongColumn<T>;
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}) {
  const {
    column: { id, title, isFigure = false },
    order,
    onOrder,
  } = props;
  const isBy = order.by === id;
  return (
    <th scope="col" aria-sort={isBy ? (order.down ? 'descending' : 'ascending') : 'none'} data-figure={isFigure}>
      <button type="button" data-kind="plain" onClick={() => onOrder({ by: id, down: isBy ? !order.down : isFigure })}>
        {title} {isBy ? (order.down ? '↓' : '↑') : ''}
      </button>
    </th>
  );
}
