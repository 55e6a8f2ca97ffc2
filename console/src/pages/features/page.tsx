import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { useProject } from '../../app/project.ts';
import { Fault } from '../../look/fault.tsx';
import { countText, durationText, numberText } from '../../look/format.ts';
import { Empty, Live, Page as PageFrame, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { Ask } from './ask.tsx';
import { Catalogue } from './catalogue.tsx';
import { Values } from './values.tsx';

type Budget = LiveAnswer<'/v1/budgets'>['budgets'][number];

/** Whether the values are fresh and within their budgets. */
export function Page() {
  const budgets = useLive('/v1/budgets');
  const status = useLive('/v1/status');
  const { data: project, error } = useProject();
  const [address, change] = useAddress();
  const text = address['find'] ?? '';
  const over = (budgets.value?.budgets ?? []).filter(({ met }) => met === false);
  return (
    <PageFrame
      title="Features"
      finding={
        budgets.value === null
          ? undefined
          : over.length === 0
            ? 'Every declared budget is met.'
            : `${countText(over.length, 'budget')} missed: ${over.map(({ name, measure }) => `${name} (${measure})`).join(', ')}.`
      }
      controls={
        <input
          type="search"
          aria-label="Find a feature"
          placeholder="Find a feature"
          value={text}
          onChange={(event) => change({ find: event.target.value === '' ? undefined : event.target.value })}
        />
      }
    >
      <Panel
        title="Budgets"
        note="Of the last hour. Burn is the share beyond the budget over the 1 % that may be: above 1 the budget is being overspent."
      >
        <Live reading={budgets}>{(value) => <Budgets rows={value.budgets} />}</Live>
      </Panel>
      <Panel title="Views">
        <Live reading={status}>
          {({ views = [], batch = [] }) =>
            views.length === 0 ? (
              <Empty command="npx headrace init">The project declares no view.</Empty>
            ) : (
              <Rows
                label="Views"
                rows={views}
                keyOf={({ view }) => view}
                chosen={
                  address['view'] === undefined
                    ? null
                    : (views.find(({ view }) => view.startsWith(`${address['view']}@`))?.view ?? null)
                }
                columns={[
                  { title: 'View', cell: ({ view }) => view },
                  { title: 'Tier', cell: ({ tier }) => tier },
                  {
                    title: 'Age of the data, p50',
                    isFigure: true,
                    cell: ({ freshness }) => durationText(freshness?.p50Ms),
                  },
                  { title: 'p99', isFigure: true, cell: ({ freshness }) => durationText(freshness?.p99Ms) },
                  { title: 'Promised', isFigure: true, cell: ({ freshness }) => durationText(freshness?.budgetMs) },
                  {
                    title: 'Fresh',
                    cell: ({ freshness }) =>
                      freshness === null || freshness.met === null ? (
                        <State tone="idle">not measured</State>
                      ) : (
                        <State tone={freshness.met ? 'good' : 'bad'}>{freshness.met ? 'yes' : 'stale'}</State>
                      ),
                  },
                  {
                    title: 'Generation',
                    cell: ({ view }) => {
                      const run = batch.find((one) => one.view === view);
                      return run === undefined ? '–' : <Time at={run.asOf} />;
                    },
                  },
                ]}
              />
            )
          }
        </Live>
      </Panel>
      {error !== null && <Fault error={error} />}
      {project === undefined ? <Skeleton /> : <Ask project={project} />}
      <Values text={text} />
      {project !== undefined && <Catalogue project={project} text={text} />}
    </PageFrame>
  );
}

function Budgets({ rows }: { readonly rows: readonly Budget[] }) {
  if (rows.length === 0) return <Empty>No budget is declared, and nothing was measured.</Empty>;
  return (
    <Rows
      label="Budgets"
      rows={rows}
      keyOf={({ of, name, measure }) => `${of} ${name} ${measure}`}
      columns={[
        { title: 'Of', cell: ({ of }) => of },
        { title: 'Name', cell: ({ name }) => name },
        { title: 'Measure', cell: ({ measure }) => measure },
        { title: 'Budget', isFigure: true, cell: ({ budgetMs }) => durationText(budgetMs) },
        { title: 'p50', isFigure: true, cell: ({ p50Ms }) => durationText(p50Ms) },
        { title: 'p99', isFigure: true, cell: ({ p99Ms }) => durationText(p99Ms) },
        { title: 'p99.9', isFigure: true, cell: ({ p999Ms }) => durationText(p999Ms) },
        { title: 'Observations', isFigure: true, cell: ({ count }) => numberText(count) },
        {
          title: 'Burn',
          isFigure: true,
          cell: ({ burn, met }) => <Burn burn={burn} met={met} />,
        },
      ]}
    />
  );
}

/** The burn rate of the longest window that saw something. */
function Burn({ burn, met }: Pick<Budget, 'burn' | 'met'>) {
  const last = burn.findLast(({ rate }) => rate !== null);
  if (last === undefined || met === null) return <State tone="idle">no budget</State>;
  return (
    <State tone={met ? 'good' : 'bad'}>
      {numberText(last.rate)} in {durationText(last.minutes * 60_000)}
    </State>
  );
}
