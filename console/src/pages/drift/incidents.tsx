import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, client, type QueryOf } from '../../api/client.ts';
import { type LiveAnswer, useLive } from '../../api/live.ts';
import { type Address, useAddress } from '../../app/address.ts';
import { useMay } from '../../app/session.tsx';
import { Choice } from '../../look/choice.tsx';
import { Act } from '../../look/confirm.tsx';
import { Fault } from '../../look/fault.tsx';
import { countText, wordsText } from '../../look/format.ts';
import { Empty, Live, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import css from './drift.module.css';
import { type Incident, OneIncident, stateTone } from './one-incident.tsx';

type Alerts = LiveAnswer<'/v1/alerts'>;
type Asked = QueryOf<'/v1/incidents'>;
type Kind = NonNullable<Asked['kind']>;

/** The kinds that the route knows: one that is missing here does not compile. */
const kinds = {
  qualityFault: true,
  dataDrift: true,
  predictionDrift: true,
  conceptDrift: true,
  rollout: true,
  retrain: true,
  approval: true,
  monitor: true,
} satisfies Record<Kind, true>;
const KINDS = Object.keys(kinds) as readonly Kind[];

/** The incidents of a model, a page at a time, and the one that the address names. */
export function Incidents({ model }: { readonly model: string }) {
  const [{ incident, kind = '', state = '' }, change] = useAddress();
  const any = (text: string) => ['', text] as const;
  return (
    <Panel
      title="Incidents"
      actions={
        <>
          <Choice
            label="State"
            value={state}
            of={[any('all'), ['open', 'open'], ['resolved', 'resolved']]}
            onChange={(value) => change({ state: value === '' ? undefined : value, before: undefined })}
          />
          <Choice
            label="Kind"
            value={kind}
            of={[any('all'), ...KINDS.map((one) => [one, wordsText(one)] as const)]}
            onChange={(value) => change({ kind: value === '' ? undefined : value, before: undefined })}
          />
        </>
      }
    >
      <Live reading={useLive('/v1/alerts')}>{(alerts) => <Listed model={model} alerts={alerts} />}</Live>
      {incident !== undefined && <OneIncident no={incident} />}
    </Panel>
  );
}

/** A page of the list, read again whenever the watched incidents change. */
function usePage(model: string) {
  const [{ kind, state, before }] = useAddress();
  const { at } = useLive('/v1/alerts');
  const asked = KINDS.find((one) => one === kind);
  const query: Asked = {
    model,
    ...(asked === undefined ? {} : { kind: asked }),
    ...(state === 'open' || state === 'resolved' ? { state } : {}),
    ...(/^[1-9]\d{0,14}$/.test(before ?? '') ? { before: Number(before) } : {}),
  };
  return useQuery({
    queryKey: ['/v1/incidents', query, at],
    placeholderData: keepPreviousData,
    queryFn: () => answer(client.GET('/v1/incidents', { params: { query } })),
  });
}

function Listed({ model, alerts }: { readonly model: string; readonly alerts: Alerts }) {
  const [{ kind, state, before }] = useAddress();
  const { data, error } = usePage(model);
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  if (data.incidents.length === 0 && (kind ?? state ?? before) !== undefined)
    return <Empty>No incident of this model is of this state and kind.</Empty>;
  if (data.incidents.length === 0)
    return <Empty command="npx headrace monitor">No incident was opened. A monitor opens them while it runs:</Empty>;
  return (
    <>
      <Table incidents={data.incidents} />
      <Pages next={data.next} />
      <GivenUp count={alerts.undelivered.filter((one) => one.state === 'dead').length} />
    </>
  );
}

function Table({ incidents }: { readonly incidents: readonly Incident[] }) {
  const [{ incident = null }] = useAddress();
  return (
    <Rows
      label="Incidents"
      rows={incidents}
      keyOf={({ no }) => `${no}`}
      chosen={incident}
      columns={[
        {
          title: 'No',
          isFigure: true,
          cell: ({ no }) => (
            <Link
              to="/drift"
              search={(before: Address) => ({ ...before, incident: `${no}` })}
              aria-label={`Show incident ${no}`}
            >
              {no}
            </Link>
          ),
        },
        { title: 'State', cell: ({ state }) => <State tone={stateTone(state)}>{state}</State> },
        { title: 'Severity', cell: ({ severity }) => severity },
        { title: 'Kind', cell: ({ kind }) => wordsText(kind) },
        { title: 'What happened', isSentence: true, cell: ({ summary }) => summary },
        { title: 'Since', cell: ({ openedAt }) => <Time at={openedAt} /> },
        { title: '', cell: (one) => <Acknowledge incident={one} /> },
      ]}
    />
  );
}

function Acknowledge({ incident: { no, state } }: { readonly incident: Incident }) {
  const queries = useQueryClient();
  if (!useMay('admin') || state !== 'open') return null;
  return (
    <Act
      verb="Acknowledge"
      asksReason={false}
      effect={`Incident ${no} stays open, and its messages stop: somebody works on it.`}
      run={async () => {
        await answer(client.POST('/v1/alerts', { body: { action: 'acknowledge', incident: no } }));
        await queries.invalidateQueries({ queryKey: ['/v1/incidents'] });
      }}
    />
  );
}

function Pages({ next }: { readonly next: number | null }) {
  const [{ before }, change] = useAddress();
  if (next === null && before === undefined) return null;
  return (
    <p className={css.actions}>
      {before !== undefined && (
        <button type="button" onClick={() => change({ before: undefined })}>
          Newest
        </button>
      )}
      {next !== null && (
        <button type="button" onClick={() => change({ before: `${next}` })}>
          Older
        </button>
      )}
    </p>
  );
}

function GivenUp({ count }: { readonly count: number }) {
  const isAdmin = useMay('admin');
  if (count === 0 || !isAdmin) return null;
  return (
    <p>
      {countText(count, 'message')} given up.{' '}
      <Act
        verb="Retry"
        asksReason={false}
        effect="Sends the messages again that were given up."
        run={() => answer(client.POST('/v1/alerts', { body: { action: 'retry' } }))}
      />
    </p>
  );
}
