import { numberText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import { State, type Tone } from '../../look/state.tsx';
import css from './drift.module.css';
import { kindText, type Window } from './window.ts';

export const TONES: Readonly<Record<string, Tone>> = {
  ok: 'good',
  drift: 'bad',
  fault: 'bad',
  insufficient: 'idle',
  inconclusive: 'warn',
};

/** Each monitor with its windows and the limit that they are judged against. */
export function Monitors({ window: { series } }: { readonly window: Window }) {
  if (series.length === 0)
    return <Empty command="monitors: [{ kind: 'featureDrift' }]">The model declares no monitor:</Empty>;
  return (
    <div className={css.monitors}>
      {series.map(({ monitor, state, reason, windows }) => (
        <div key={`${monitor.kind} ${monitor.metric}`} className={css.monitor}>
          <h3>
            {kindText(monitor.kind)} <State tone={TONES[state] ?? 'idle'}>{state}</State>
          </h3>
          <p className={css.quiet}>{reason}</p>
          <SeriesChart
            label={`${kindText(monitor.kind)} by window: ${reason}`}
            x={windows.map(({ to }) => to / 1_000)}
            unit=""
            height={170}
            series={[
              {
                name: monitor.kind === 'featureDrift' ? 'largest effect (PSI)' : monitor.metric,
                values: windows.map(({ value }) => value ?? null),
              },
              { name: 'limit', values: windows.map(({ limit }) => limit ?? null), isLimit: true },
            ]}
          />
          <p className={css.quiet}>
            {monitor.k} of {monitor.of} windows must move; {numberText(windows.filter(({ rows }) => rows > 0).length)}{' '}
            of {windows.length} windows have rows.
          </p>
        </div>
      ))}
    </div>
  );
}
