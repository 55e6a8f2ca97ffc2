import { numberText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import css from './drift.module.css';
import { TONES } from './monitors.tsx';
import type { Comparison, Window } from './window.ts';

/** Slices of the labelled rows whose loss is certainly higher than that of the others. */
export function WorstSlices({ slices: found }: Pick<Window, 'slices'>) {
  if (found === null) return <Empty>Too few rows have a label.</Empty>;
  const { slices, looked, rows, loss } = found;
  return (
    <>
      <p className={css.quiet}>
        {numberText(looked)} slices of {numberText(rows)} labelled rows were tested. The loss of all rows is{' '}
        {numberText(loss)}.
      </p>
      {slices.length === 0 ? (
        <Empty>None is certainly worse.</Empty>
      ) : (
        <Rows
          label="Slices with the highest loss"
          rows={slices}
          keyOf={({ conditions }) => conditions.join(' and ')}
          columns={[
            { title: 'Slice', isSentence: true, cell: ({ conditions }) => conditions.join(' and ') },
            { title: 'Rows', isFigure: true, cell: (slice) => numberText(slice.rows) },
            { title: 'Loss', isFigure: true, cell: (slice) => numberText(slice.loss) },
            { title: 'Of the others', isFigure: true, cell: ({ restLoss }) => numberText(restLoss) },
            { title: 'Adjusted p', isFigure: true, cell: ({ adjustedP }) => numberText(adjustedP) },
          ]}
        />
      )}
    </>
  );
}

/** The values of the slicing column, each compared by itself. */
export function ComparedSlices({ slices }: Pick<Comparison, 'slices'>) {
  return (
    <Rows
      label="Slices"
      rows={slices}
      keyOf={({ column, value }) => `${column} ${value}`}
      columns={[
        { title: 'State', cell: ({ state }) => <State tone={TONES[state] ?? 'idle'}>{state}</State> },
        { title: 'Slice', cell: ({ column, value }) => `${column} = ${value}` },
        { title: 'Reference rows', isFigure: true, cell: ({ rows }) => numberText(rows.reference) },
        { title: 'Current rows', isFigure: true, cell: ({ rows }) => numberText(rows.current) },
        {
          title: 'Drifted',
          isSentence: true,
          cell: ({ drifted }) => drifted.map(({ name, reason }) => `${name} (${reason})`).join(', '),
        },
      ]}
    />
  );
}
