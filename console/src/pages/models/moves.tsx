import { useQuery } from '@tanstack/react-query';
import { answer, client } from '../../api/client.ts';
import { Fault } from '../../look/fault.tsx';
import { Empty, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { Time } from '../../look/time.tsx';

/** Every move of an alias of a model, the newest first. It is read again when the champion moves. */
export function Moves({ model, champion }: { readonly model: string; readonly champion: number | null }) {
  const { data, error } = useQuery({
    queryKey: ['/v1/alias-moves', model, champion],
    placeholderData: (before) => before,
    queryFn: () => answer(client.GET('/v1/alias-moves/{model}', { params: { path: { model } } })),
  });
  return (
    <Panel title="Moves of aliases">
      {error !== null ? (
        <Fault error={error} />
      ) : data === undefined ? (
        <Skeleton />
      ) : data.moves.length === 0 ? (
        <Empty>No alias was set yet.</Empty>
      ) : (
        <Rows
          label="Moves of aliases"
          rows={data.moves.map((move, no) => ({ ...move, no })).toReversed()}
          keyOf={({ no }) => `${no}`}
          columns={[
            { title: 'At', cell: ({ at }) => <Time at={at} /> },
            { title: 'Alias', cell: ({ alias }) => alias },
            { title: 'From', isFigure: true, cell: ({ from }) => from ?? '–' },
            { title: 'To', isFigure: true, cell: ({ to }) => to ?? '–' },
            { title: 'By', cell: ({ who }) => who || '–' },
            { title: 'Why', isSentence: true, cell: ({ why }) => why || '–' },
          ]}
        />
      )}
    </Panel>
  );
}
