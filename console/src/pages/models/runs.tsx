import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { base } from '../../api/base.ts';
import { answer, client, type Schema } from '../../api/client.ts';
import { useAddress } from '../../app/address.ts';
import { Choice } from '../../look/choice.tsx';
import { Fault } from '../../look/fault.tsx';
import { durationText, numberText } from '../../look/format.ts';
import { type LongColumn, LongTable, type Order } from '../../look/long-table.tsx';
import { Empty, Skeleton } from '../../look/page.tsx';
import { State, type Tone } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { ComparedRuns } from './compared-runs.tsx';
import css from './models.module.css';
import { ParallelRuns } from './parallel-runs.tsx';
import { matching, sorted, valueNames } from './run-rows.ts';

export type Run = Schema<'Runs'>['runs'][number];

const TONES: Readonly<Record<string, Tone>> = { FINISHED: 'good', RUNNING: 'busy', FAILED: 'bad', KILLED: 'warn' };

/** Runs that are compared at once. */
const MOST_CHOSEN = 6;

/** The runs of an experiment: filtered and sorted here, compared where they are chosen. */
export function Runs() {
  const [{ experiment }, change] = useAddress();
  const { data, error } = useQuery({
    queryKey: ['/v1/experiments'],
    queryFn: () => answer(client.GET('/v1/experiments')),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  const chosen = data.experiments.find(({ id }) => id === experiment) ?? data.experiments[0];
  if (chosen === undefined)
    return <Empty command="npx headrace registry">No experiment is there. MLflow&apos;s clients log to:</Empty>;
  return (
    <>
      <Choice
        label="Experiment"
        value={chosen.id}
        of={data.experiments.map(({ id, name }) => [id, name] as const)}
        onChange={(id) => change({ experiment: id, runs: undefined })}
      />
      <Table experiment={chosen.id} />
    </>
  );
}

/** Every run of an experiment, page after page. */
async function allRuns(experiment: string): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let offset: number | null = 0; offset !== null; ) {
    const query: { experiment: string; offset: number } = { experiment, offset };
    const page: Schema<'Runs'> = await answer(client.GET('/v1/runs', { params: { query } }));
    runs.push(...page.runs);
    offset = page.next;
  }
  return runs;
}

function Table({ experiment }: { readonly experiment: string }) {
  const [{ filter = '', by = 'startedAt', down = 'true', runs: chosen = '' }, change] = useAddress();
  const { data, error } = useQuery({ queryKey: ['/v1/runs', experiment], queryFn: () => allRuns(experiment) });
  const order: Order = { by, down: down === 'true' };
  const names = useMemo(() => valueNames(data ?? []), [data]);
  // A filter keeps the order: a letter costs one pass, and no sort.
  const ordered = useMemo(() => sorted(data ?? [], { by, down: down === 'true' }), [data, by, down]);
  const shown = useMemo(() => matching(ordered, filter), [ordered, filter]);
  const ids = chosen.split(',').filter((id) => id !== '');
  const choose = (id: string) => {
    const next = ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id].slice(-MOST_CHOSEN);
    change({ runs: next.length === 0 ? undefined : next.join(',') });
  };
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  if (data.length === 0)
    return <Empty command={`mlflow.set_tracking_uri('${base}')`}>This experiment has no run. In Python:</Empty>;
  return (
    <>
      <div className={css.find}>
        <input
          type="search"
          aria-label="Filter runs"
          placeholder="gbm auc>0.7 depth=6"
          value={filter}
          onChange={(event) => change({ filter: event.target.value === '' ? undefined : event.target.value })}
        />
        <span>
          {numberText(shown.length)} of {numberText(data.length)} runs
        </span>
      </div>
      <LongTable
        label="Runs"
        rows={shown}
        keyOf={({ id }) => id}
        columns={columnsOf(names, ids, choose)}
        order={order}
        onOrder={(next) => change({ by: next.by, down: `${next.down}` })}
      />
      <section className={css.scroll} aria-label="Runs over their values">
        <ParallelRuns runs={shown} chosen={ids} />
      </section>
      {ids.length > 0 && <ComparedRuns runs={data.filter(({ id }) => ids.includes(id))} />}
    </>
  );
}

function columnsOf(
  { metrics, params }: ReturnType<typeof valueNames>,
  chosen: readonly string[],
  choose: (id: string) => void,
): readonly LongColumn<Run>[] {
  return [
    {
      id: 'name',
      title: 'Run',
      width: 22,
      cell: ({ id, name }) => (
        <label>
          <input type="checkbox" checked={chosen.includes(id)} onChange={() => choose(id)} /> {name}
        </label>
      ),
    },
    {
      id: 'status',
      title: 'Status',
      width: 12,
      cell: ({ status }) => <State tone={TONES[status] ?? 'idle'}>{status.toLowerCase()}</State>,
    },
    { id: 'startedAt', title: 'Started', width: 22, cell: ({ startedAt }) => <Time at={startedAt} /> },
    {
      id: 'took',
      title: 'Took',
      width: 9,
      isFigure: true,
      cell: ({ startedAt, endedAt }) =>
        durationText(startedAt === null || endedAt === null ? null : endedAt - startedAt),
    },
    ...metrics.map((name) => ({
      id: `metric ${name}`,
      title: name,
      width: Math.max(9, name.length + 2),
      isFigure: true,
      cell: (run: Run) => numberText(run.metrics[name]),
    })),
    ...params.map((name) => ({
      id: `param ${name}`,
      title: name,
      width: Math.max(9, name.length + 2),
      cell: (run: Run) => run.params[name] ?? '–',
    })),
  ];
}
