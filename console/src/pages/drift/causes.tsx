import { durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { TONES } from './monitors.tsx';
import type { Window } from './window.ts';

/** Each feature with its part in the change of the loss and the age of its input. */
export function CauseFeatures({ features }: Pick<Window['causes'], 'features'>) {
  if (features.length === 0) return <Empty>The model has no feature.</Empty>;
  return (
    <Rows
      label="Causes by feature"
      rows={features}
      keyOf={({ feature }) => feature}
      columns={[
        { title: 'State', cell: ({ state }) => <State tone={TONES[state] ?? 'idle'}>{state}</State> },
        { title: 'Feature', cell: ({ feature }) => feature },
        { title: 'Share of the change', isFigure: true, cell: ({ lossShare }) => shareText(lossShare) },
        { title: 'Effect, PSI', isFigure: true, cell: ({ debiasedPsi }) => numberText(debiasedPsi) },
        { title: 'View', cell: ({ view }) => view ?? 'the request' },
        { title: 'Sources', cell: ({ sources }) => sources.join(', ') || NONE },
        { title: 'Age of its data', isFigure: true, cell: ({ ageMs }) => durationText(ageMs) },
        { title: 'Promised', isFigure: true, cell: ({ freshnessMs }) => durationText(freshnessMs) },
      ]}
    />
  );
}

/** Changes upstream of a window, the oldest first. */
export function TimeLine({ events }: { readonly events: Window['causes']['timeLine'] }) {
  if (events.length === 0) return <Empty>Nothing that could be a cause is in the history of this window.</Empty>;
  return (
    <ol>
      {events.map(({ at, kind, of, text }) => (
        <li key={`${at} ${kind} ${of} ${text}`}>
          <Time at={at} /> · <strong>{of}</strong> {text}
        </li>
      ))}
    </ol>
  );
}
