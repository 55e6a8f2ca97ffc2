import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { answer, client, type Schema } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { Fault } from '../../look/fault.tsx';
import { numberText, wordsText } from '../../look/format.ts';
import { Facts, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State, type Tone } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

export type Incident = Schema<'Incidents'>['incidents'][number];

/** The tone of the state of an incident. */
export function stateTone(state: Incident['state']): Tone {
  return state === 'open' ? 'bad' : state === 'acknowledged' ? 'warn' : 'good';
}

/** One incident: what it saw, who works on it, how it ended, and where its messages are. */
export function OneIncident({ no }: { readonly no: string }) {
  const [, change] = useAddress();
  const { at } = useLive('/v1/alerts');
  const { data, error } = useQuery({
    queryKey: ['/v1/incidents', no, at],
    placeholderData: keepPreviousData,
    queryFn: () => answer(client.GET('/v1/incidents/{no}', { params: { path: { no } } })),
  });
  return (
    <section>
      <h3>
        Incident {no}{' '}
        <button type="button" data-kind="plain" onClick={() => change({ incident: undefined })}>
          Close
        </button>
      </h3>
      {error !== null ? <Fault error={error} /> : data === undefined ? <Skeleton /> : <Shown {...data} />}
    </section>
  );
}

function Shown({ incident, deliveries }: Schema<'OneIncident'>) {
  const { model, kind, severity, state, summary, slice, owner, openedAt, at } = incident;
  const { acknowledgedBy, resolution, evidence } = incident;
  return (
    <>
      <p>
        <State tone={stateTone(state)}>{state}</State> {summary}
      </p>
      <Facts
        of={[
          ['Model', model],
          ['Kind', wordsText(kind)],
          ['Severity', severity],
          ['Slice', slice ?? 'the whole model'],
          ['Owner', owner ?? 'nobody is named'],
          ['Opened', <Time key="opened" at={openedAt} />],
          ['Last seen', <Time key="seen" at={at} />],
          ['Acknowledged by', acknowledgedBy ?? 'nobody'],
          ['Ended', resolution === null ? 'not yet' : resolution.reason],
          ...Object.entries(evidence).map(([name, value]) => [wordsText(name), evidenceText(value)] as const),
        ]}
      />
      {deliveries.length > 0 && (
        <Rows
          label="Messages"
          rows={deliveries}
          keyOf={({ sink }) => sink}
          columns={[
            { title: 'Sink', cell: ({ sink }) => sink },
            {
              title: 'State',
              cell: (one) => (
                <State tone={one.state === 'dead' ? 'bad' : one.state === 'waiting' ? 'busy' : 'good'}>
                  {one.state === 'dead' ? 'given up' : one.state}
                </State>
              ),
            },
            { title: 'Attempts', isFigure: true, cell: ({ attempts }) => numberText(attempts) },
            { title: 'Error', isSentence: true, cell: (one) => one.error ?? 'none' },
          ]}
        />
      )}
    </>
  );
}

function evidenceText(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
