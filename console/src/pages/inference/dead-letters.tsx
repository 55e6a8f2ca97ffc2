import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, client, type Schema } from '../../api/client.ts';
import { Fault } from '../../look/fault.tsx';
import { countText, numberText } from '../../look/format.ts';
import { Empty, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

type Output = Schema<'StreamOutputs'>['outputs'][number];

const MOST = 100;

/** Records of a stream that have no score: which record, why, where it is kept, and a way to score it again. */
export function DeadLetters(props: { readonly stream: string; readonly from: string; readonly rejected: number }) {
  const { stream, from, rejected } = props;
  const [cursor, setCursor] = useState<string | null>(null);
  const query = { rejected: 'true', limit: `${MOST}`, ...(cursor === null ? {} : { cursor }) } as const;
  const { data, error } = useQuery({
    // Read again when another record is rejected.
    queryKey: ['/v1/stream-outputs', stream, cursor, rejected],
    placeholderData: keepPreviousData,
    queryFn: () => answer(client.GET('/v1/stream-outputs/{stream}', { params: { path: { stream }, query } })),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  const { outputs, previous = null } = data;
  return (
    <>
      <h4>Records without a score</h4>
      <p>
        {countText(outputs.length, 'dead letter')} among the {cursor === null ? 'newest' : 'older'} outputs. Each record
        stays in {from} at its partition and offset, and its output has the error. Score it again here, or send a
        corrected record with another id.
      </p>
      {outputs.length > 0 && <Listed stream={stream} outputs={outputs.toReversed()} />}
      <p>
        {previous !== null && (
          <button type="button" onClick={() => setCursor(previous)}>
            Look at older outputs
          </button>
        )}{' '}
        {cursor !== null && (
          <button type="button" onClick={() => setCursor(null)}>
            Newest
          </button>
        )}
      </p>
      <Empty command={`curl '<server>/v1/stream-outputs/${stream}?rejected=true'`}>The same as JSON:</Empty>
    </>
  );
}

function Listed({ stream, outputs }: { readonly stream: string; readonly outputs: readonly Output[] }) {
  return (
    <Rows
      label={`Dead letters of ${stream}`}
      rows={outputs}
      keyOf={({ partition, offset }) => `${partition} ${offset}`}
      columns={[
        { title: 'Record', cell: ({ id }) => <code>{id}</code> },
        { title: 'Event time', cell: ({ at }) => <Time at={at} /> },
        { title: 'Partition', isFigure: true, cell: ({ partition }) => partition },
        { title: 'Offset', isFigure: true, cell: ({ offset }) => numberText(offset) },
        { title: 'Version', isFigure: true, cell: ({ version }) => version },
        { title: 'Error', isSentence: true, cell: ({ error: reason }) => reason },
        { title: '', cell: (one) => <Again stream={stream} output={one} /> },
      ]}
    />
  );
}

/** Scores a record again by the version of its offset. The output of the stream stays as it is. */
function Again({ stream, output: { partition, offset } }: { readonly stream: string; readonly output: Output }) {
  const scoring = useMutation({
    mutationFn: () =>
      answer(
        client.POST('/v1/stream-scores/{stream}', {
          params: { path: { stream } },
          body: { partition, from: offset, to: offset + 1 },
        }),
      ),
  });
  const again = scoring.data?.outputs[0];
  return (
    <>
      <button type="button" disabled={scoring.isPending} onClick={() => scoring.mutate()}>
        Score again
      </button>
      {again !== undefined && (
        <State tone={again.score === null ? 'bad' : 'good'}>
          {again.score === null ? (again.error ?? 'no score') : numberText(again.score)}
        </State>
      )}
      <Fault error={scoring.error} />
    </>
  );
}
