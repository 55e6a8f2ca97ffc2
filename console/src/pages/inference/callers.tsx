import { durationText, numberText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import type { Loaded } from './page.tsx';

/** The requests of each key to each loaded version: who waits, who is turned away. */
export function Callers({ loaded }: { readonly loaded: Loaded }) {
  const rows = loaded.flatMap(({ model, version, callers }) => callers.map((one) => ({ ...one, model, version })));
  if (rows.length === 0) return <Empty>No request has come since the versions were loaded.</Empty>;
  const mean = (ms: number, count: number) => durationText(count === 0 ? null : ms / count);
  return (
    <Rows
      label="By caller"
      rows={rows}
      keyOf={({ model, version, caller }) => `${model} ${version} ${caller}`}
      columns={[
        { title: 'Model', cell: ({ model, version }) => `${model} ${version}` },
        {
          title: 'Caller',
          cell: ({ caller }) => (caller === '' ? 'no key' : caller === '*' ? 'further keys' : <code>{caller}</code>),
        },
        { title: 'Answered', isFigure: true, cell: ({ answered }) => numberText(answered) },
        { title: 'Failed', isFigure: true, cell: ({ failed }) => numberText(failed) },
        {
          title: 'Turned away',
          isFigure: true,
          cell: ({ rejected }) => (rejected === 0 ? '0' : <State tone="bad">{numberText(rejected)}</State>),
        },
        { title: 'Queue', isFigure: true, cell: ({ queueMs, answered }) => mean(queueMs, answered) },
        { title: 'Run', isFigure: true, cell: ({ runMs, answered }) => mean(runMs, answered) },
      ]}
    />
  );
}
