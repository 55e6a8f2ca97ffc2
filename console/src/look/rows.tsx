import { type ReactNode, useState } from 'react';
import css from './rows.module.css';

/** A column of a short table. */
export interface RowColumn<T> {
  readonly title: string;
  /** Sentences break into lines; all else stays on one. */
  readonly isSentence?: boolean;
  /** Figures stand at the right. */
  readonly isFigure?: boolean;
  readonly cell: (row: T) => ReactNode;
}

/** Rows that a table begins with: a browser is slow with thousands of them. */
const MOST = 200;

/** A short table; a long one is a `LongTable`. What is beyond its first rows comes when it is asked for. It scrolls by itself where it is wider than the page. */
export function Rows<T>(props: {
  readonly label: string;
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly columns: readonly RowColumn<T>[];
  readonly chosen?: string | null;
}) {
  const { label, rows, keyOf, columns, chosen = null } = props;
  const [most, setMost] = useState(MOST);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a table that is wider than the page scrolls by the keyboard too
    <section className={css.scroll} aria-label={label} tabIndex={0}>
      <table className={css.rows}>
        <thead>
          <tr>
            {columns.map(({ title, isFigure = false }) => (
              <th key={title} scope="col" data-figure={isFigure}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row) => (
            <tr key={keyOf(row)} data-chosen={keyOf(row) === chosen}>
              {columns.map(({ title, isFigure = false, isSentence = false, cell }) => (
                <td key={title} data-figure={isFigure} data-sentence={isSentence}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && (
        <button type="button" onClick={() => setMost(most + MOST)}>
          Show more: {rows.length - most} rows are left
        </button>
      )}
    </section>
  );
}
