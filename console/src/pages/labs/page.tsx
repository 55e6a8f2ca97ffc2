import { Link } from '@tanstack/react-router';
import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { Live, Page as PageFrame, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { LabShown } from './lab.tsx';

type Labs = LiveAnswer<'/v1/labs'>;

/** Questions of an interview, answered on a running system; each decision is judged by what it measured. */
export function Page() {
  const labs = useLive('/v1/labs');
  const [{ lab: chosen }] = useAddress();
  const summary = labs.value?.labs.find(({ id }) => id === chosen);
  if (chosen !== undefined && (summary !== undefined || labs.value === null))
    return <Live reading={labs}>{() => summary !== undefined && <LabShown summary={summary} />}</Live>;
  const finding = labs.value === null ? undefined : `${labs.value.completed} / ${labs.value.labs.length} completed`;
  return (
    <PageFrame title="Labs" finding={finding}>
      <Live reading={labs}>{(value) => <Listed labs={value} />}</Live>
    </PageFrame>
  );
}

function Listed({ labs: { labs } }: { readonly labs: Labs }) {
  return (
    <Panel
      title="Five questions, each answered on a running system"
      note="Act on the system, decide, and see which decision its measurements support, and what a weaker one costs. A lab takes ten minutes at most and needs no network."
    >
      <Rows
        label="Labs"
        rows={labs}
        keyOf={({ id }) => id}
        columns={[
          {
            title: 'Lab',
            isSentence: true,
            cell: ({ id, title }) => (
              <Link to="/labs" search={() => ({ lab: id })}>
                {title}
              </Link>
            ),
          },
          { title: 'Steps', isFigure: true, cell: ({ passed, steps }) => `${passed} / ${steps}` },
          {
            title: 'State',
            cell: ({ isComplete, passed }) =>
              isComplete ? (
                <State tone="good">completed</State>
              ) : (
                <State tone={passed > 0 ? 'busy' : 'idle'}>{passed > 0 ? 'begun' : 'open'}</State>
              ),
          },
          { title: 'Question', isSentence: true, cell: ({ question }) => question },
        ]}
      />
    </Panel>
  );
}
