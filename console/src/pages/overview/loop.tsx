import { Link } from '@tanstack/react-router';
import { type ReactNode, useRef } from 'react';
import type { LiveAnswer } from '../../api/live.ts';
import { durationText, numberText } from '../../look/format.ts';
import { State, type Tone } from '../../look/state.tsx';
import css from './loop.module.css';

type Status = LiveAnswer<'/v1/status'>;

/** One station of the loop. */
interface Station {
  readonly name: string;
  readonly path: string;
  readonly figure: ReactNode;
  readonly note: string;
  readonly tone: Tone;
}

/** The loop as a row of stations, each with its rate and the page that shows more. */
export function Loop(props: {
  readonly status: Status;
  readonly rollouts: LiveAnswer<'/v1/rollouts'>['rollouts'];
  readonly alerts: LiveAnswer<'/v1/alerts'> | null;
}) {
  const stations = stationsOf(props, useRate(acceptedOf(props.status)));
  return (
    <ol className={css.loop} aria-label="The loop">
      {stations.map(({ name, path, figure, note, tone }) => (
        <li key={name} className={css.station}>
          <Link to={path}>{name}</Link>
          <span className={css.figure}>{figure}</span>
          <span className={css.note}>
            <State tone={tone}>{note}</State>
          </span>
        </li>
      ))}
    </ol>
  );
}

function acceptedOf({ sources = [] }: Status): number {
  return sources.reduce((sum, { accepted }) => sum + accepted, 0);
}

/** The rise of a count per second between its last two readings; null before the second. */
function useRate(count: number): number | null {
  const seen = useRef<{ count: number; at: number; rate: number | null }>({ count, at: performance.now(), rate: null });
  const { current } = seen;
  const passed = performance.now() - current.at;
  if (passed > 1_500) {
    const rate = ((count - current.count) * 1_000) / passed;
    seen.current = { count, at: performance.now(), rate: Math.max(0, rate) };
  }
  return seen.current.rate;
}

function stationsOf({ status, rollouts, alerts }: Parameters<typeof Loop>[0], rate: number | null): readonly Station[] {
  const { sources = [], views = [], services = [], inference = [], playbooks = [] } = status;
  const refused = sources.reduce((sum, one) => sum + one.refused + one.quarantined, 0);
  const stale = views.filter(({ freshness }) => freshness?.met === false);
  const slow = services.filter(({ met }) => met === false);
  const worstFresh = Math.max(
    0,
    ...views.map(({ freshness, tier }) => (tier === 'streaming' ? (freshness?.p99Ms ?? 0) : 0)),
  );
  const worstRead = Math.max(0, ...services.map(({ p99Ms }) => p99Ms ?? 0));
  const worstRun = Math.max(0, ...inference.map(({ p99Ms }) => p99Ms ?? 0));
  const open = alerts?.openCount ?? 0;
  const running = rollouts.filter(({ endedAt }) => endedAt === null);
  const frozen = playbooks.filter(({ isFrozen }) => isFrozen).length;
  return [
    {
      name: 'Events',
      path: '/sources',
      figure: rate === null ? numberText(acceptedOf(status)) : `${numberText(rate)}/s`,
      note: refused === 0 ? `${numberText(acceptedOf(status))} accepted` : `${numberText(refused)} refused`,
      tone: refused === 0 ? 'good' : 'warn',
    },
    {
      name: 'Features',
      path: '/features',
      figure: durationText(worstFresh),
      note: stale.length === 0 ? 'fresh, p99' : `${stale.length} views are stale`,
      tone: stale.length === 0 ? 'good' : 'bad',
    },
    {
      name: 'Vectors',
      path: '/features',
      figure: durationText(worstRead),
      note: slow.length === 0 ? 'read, p99' : `${slow.length} over budget`,
      tone: slow.length === 0 ? 'good' : 'bad',
    },
    {
      name: 'Predictions',
      path: '/inference',
      figure: durationText(worstRun),
      note: inference.length === 0 ? 'no model loaded' : 'scored, p99',
      tone: inference.length === 0 ? 'idle' : 'good',
    },
    {
      name: 'Drift',
      path: '/drift',
      figure: numberText(open),
      note: open === 0 ? 'no open incident' : 'open incidents',
      tone: open === 0 ? 'good' : 'bad',
    },
    {
      name: 'Playbook',
      path: '/drift',
      figure: numberText(playbooks.length),
      note: frozen > 0 ? `${frozen} frozen` : (playbooks[0]?.step ?? 'none declared'),
      tone: frozen > 0 ? 'warn' : playbooks.length === 0 ? 'idle' : 'good',
    },
    {
      name: 'Rollouts',
      path: '/rollouts',
      figure: running.length === 0 ? '0' : `${numberText(running[0]?.percent ?? 0)} %`,
      note: running.length === 0 ? 'none under way' : `${running[0]?.model}, ${running[0]?.state}`,
      tone: running.length === 0 ? 'idle' : running[0]?.state === 'held' ? 'warn' : 'busy',
    },
  ];
}
