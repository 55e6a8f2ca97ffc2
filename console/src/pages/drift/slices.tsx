import { numberText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import type { Window } from './page.tsx';

/** Parts of the rows whose loss is above that of the rest, the worst first. */
export function Slices({ window: { slices } }: { readonly window: Window }) {
  if (slices === null) return <Empty>Fewer than 100 predictions of this window have a label.</Empty>;
  if (slices.slices.length === 0)
    return <Empty>{`Of ${numberText(slices.looked)} tested slices none has a higher loss than the rest.`}</Empty>;
  return (
    <Rows
      label="Slices with a higher loss"
      rows={slices.slices}
      keyOf={({ conditions }) => conditions.join(' ')}
      columns={[
        { title: 'Slice', isSentence: true, cell: ({ conditions }) => conditions.join(' and ') },
        { title: 'Rows', isFigure: true, cell: ({ rows }) => numberText(rows) },
        { title: 'Loss', isFigure: true, cell: ({ loss }) => numberText(loss) },
        { title: 'Of the rest', isFigure: true, cell: ({ restLoss }) => numberText(restLoss) },
        { title: 'p, adjusted', isFigure: true, cell: ({ adjustedP }) => numberText(adjustedP) },
      ]}
    />
  );
}
