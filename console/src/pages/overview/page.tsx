import { Link } from '@tanstack/react-router';
import { type LiveAnswer, useLive } from '../../api/live.ts';
import { countText, durationText, NONE, numberText } from '../../look/format.ts';
import { Empty, Live, Page as PageFrame, Panel, Panels } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { Jobs } from '../operations/jobs.tsx';
import { Loop } from './loop.tsx';

type Status = LiveAnswer<'/v1/status'>;
type Alerts = LiveAnswer<'/v1/alerts'>;

/** Whether the loop is well, and what needs a person. */
export function Page() {
  const status = useLive('/v1/status');
  const alerts = useLive('/v1/alerts');
  const models = useLive('/v1/models');
  const rollouts = useLive('/v1/rollouts');
  return (
    <PageFrame title="Overview" finding={findingOf(status.value, alerts.value)}>
      <Panel title="The loop">
        <Live reading={status}>
          {(value) => <Loop status={value} rollouts={rollouts.value?.rollouts ?? []} alerts={alerts.value} />}
        </Live>
      </Panel>
      <Panels>
        <Panel title="Incidents">
          <Live reading={alerts}>{(value) => <Incidents alerts={value} />}</Live>
        </Panel>
        <Panel title="Works, but not as declared">
          <Live reading={status}>{(value) => <Degraded status={value} />}</Live>
        </Panel>
        <Panel title="Champions">
          <Live reading={models}>{(value) => <Champions models={value} now={status.value?.at ?? null} />}</Live>
        </Panel>
        <Panel title="Jobs">
          <Jobs />
        </Panel>
      </Panels>
    </PageFrame>
  );
}

function findingOf(status: Status | null, alerts: Alerts | null): string | undefined {
  if (status === null || alerts === null) return undefined;
  const pages = alerts.open.filter(({ severity }) => severity === 'page').length;
  if (!status.ready) return `Requests are not answered yet: ${status.waiting.join('; ')}.`;
  if (alerts.openCount > 0) return `${countText(alerts.openCount, 'open incident')}, ${pages} for a person at once.`;
  if (status.degraded.length > 0) return `Requests are answered; ${status.degraded.join('; ')}.`;
  const slow = (status.services ?? []).filter(({ met }) => met === false).map(({ name }) => name);
  if (slow.length > 0) return `${countText(slow.length, 'service')} slower than declared: ${slow.join(', ')}.`;
  return 'Everything works as declared.';
}

/** Newest open incidents that are shown, and resolved ones after them, to see how they ended. */
const OPEN = 12;
const RESOLVED = 3;

function Incidents({ alerts: { open, openCount, resolved } }: { readonly alerts: Alerts }) {
  if (open.length + resolved.length === 0)
    return <Empty command="npx headrace monitor">No incident was opened. A monitor opens them while it runs:</Empty>;
  const shown = open.slice(-OPEN).toReversed();
  return (
    <>
      <Rows
        label="Incidents"
        rows={[...shown, ...resolved.slice(0, RESOLVED)]}
        keyOf={({ no }) => `${no}`}
        columns={[
          {
            title: 'State',
            cell: ({ severity, state }) => (
              <State tone={state === 'resolved' ? 'good' : severity === 'page' ? 'bad' : 'warn'}>
                {state === 'resolved' ? state : severity}
              </State>
            ),
          },
          {
            title: 'What happened',
            isSentence: true,
            cell: ({ no, model, summary }) => (
              <Link to="/drift" search={() => ({ model, incident: `${no}` })}>
                {summary}
              </Link>
            ),
          },
          { title: 'Since', cell: ({ openedAt }) => <Time at={openedAt} /> },
        ]}
      />
      {openCount > shown.length && (
        <p>{countText(openCount - shown.length, 'older incident')} open: the page Drift lists them by model.</p>
      )}
    </>
  );
}

function Degraded({ status: { degraded, stores } }: { readonly status: Status }) {
  if (degraded.length === 0) return <Empty>Nothing.</Empty>;
  const since = stores?.faults ?? [];
  return (
    <ul>
      {degraded.map((text) => (
        <li key={text}>
          <State tone="warn">{text}</State>
        </li>
      ))}
      {since.map(({ store, method, code, hint, since: at }) => (
        <li key={`${store} ${method}`}>
          <code>{code}</code> {store}: {hint}, since <Time at={at} />
        </li>
      ))}
    </ul>
  );
}

function Champions({ models, now }: { readonly models: LiveAnswer<'/v1/models'>; readonly now: number | null }) {
  if (models.length === 0) return <Empty command="npx headrace init">The project declares no model.</Empty>;
  return (
    <Rows
      label="Champions"
      rows={models}
      keyOf={({ model }) => model}
      columns={[
        {
          title: 'Model',
          cell: ({ model }) => (
            <Link to="/models" search={() => ({ model })}>
              {model}
            </Link>
          ),
        },
        {
          title: 'Champion',
          isFigure: true,
          cell: ({ champion }) => (champion === null ? <State tone="idle">none</State> : `version ${champion}`),
        },
        { title: 'Versions', isFigure: true, cell: ({ versions }) => numberText(versions.length) },
        {
          title: 'Age',
          isFigure: true,
          cell: ({ versions, champion }) => {
            const made = versions.find(({ version }) => version === champion)?.createdAt;
            return made === undefined || now === null ? NONE : durationText(Math.max(0, now - made));
          },
        },
      ]}
    />
  );
}
