import { answer, client } from '../../api/client.ts';
import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import { Empty, Live } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

type Alerts = LiveAnswer<'/v1/alerts'>;

/** Incidents are shown up to this number; the command lists all. */
const MOST = 50;

/** The incidents of a model, open ones first. */
export function Incidents({ model }: { readonly model: string }) {
  return <Live reading={useLive('/v1/alerts')}>{(alerts) => <List model={model} alerts={alerts} />}</Live>;
}

function List({ model, alerts }: { readonly model: string; readonly alerts: Alerts }) {
  const [{ incident = null }] = useAddress();
  const isAdmin = useMay('admin');
  const all = [...alerts.open, ...alerts.resolved].filter((one) => one.model === model);
  const dead = alerts.undelivered.filter(({ state }) => state === 'dead');
  if (all.length === 0)
    return <Empty command="npx headrace monitor">No incident was opened. A monitor opens them while it runs:</Empty>;
  return (
    <>
      <Rows
        label="Incidents"
        rows={all.slice(0, MOST)}
        keyOf={({ no }) => `${no}`}
        chosen={incident}
        columns={[
          {
            title: 'State',
            cell: ({ state }) => (
              <State tone={state === 'open' ? 'bad' : state === 'acknowledged' ? 'warn' : 'good'}>{state}</State>
            ),
          },
          { title: 'Severity', cell: ({ severity }) => severity },
          { title: 'What happened', isSentence: true, cell: ({ summary }) => summary },
          { title: 'Since', cell: ({ openedAt }) => <Time at={openedAt} /> },
          {
            title: '',
            cell: ({ no, state }) =>
              isAdmin && state === 'open' ? (
                <Act
                  verb="Acknowledge"
                  asksReason={false}
                  effect={`Incident ${no} stays open, and its messages stop: somebody works on it.`}
                  run={() => answer(client.POST('/v1/alerts', { body: { action: 'acknowledge', incident: no } }))}
                />
              ) : null,
          },
        ]}
      />
      {all.length > MOST && <p>{all.length - MOST} older ones: npx headrace alerts list</p>}
      {dead.length > 0 && isAdmin && (
        <p>
          {dead.length} messages were given up.{' '}
          <Act
            verb="Retry"
            asksReason={false}
            effect="Sends the messages again that were given up."
            run={() => answer(client.POST('/v1/alerts', { body: { action: 'retry' } }))}
          />
        </p>
      )}
    </>
  );
}
