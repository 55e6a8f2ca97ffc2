import { useQuery } from '@tanstack/react-query';
import { answer, client, type Schema } from '../../api/client.ts';
import { useAddress } from '../../app/address.ts';
import { Choice } from '../../look/choice.tsx';
import { Fault } from '../../look/fault.tsx';
import { numberText } from '../../look/format.ts';
import { Empty, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import type { Run } from './runs.tsx';

/** Chosen runs next to each other: params that differ, and the curves of one metric. */
export function ComparedRuns({ runs }: { readonly runs: readonly Run[] }) {
  const [{ curve }, change] = useAddress();
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))];
  const key = curve ?? metrics[0];
  return (
    <>
      <h3>{runs.length} runs compared</h3>
      <Differences runs={runs} />
      {key === undefined ? (
        <Empty>These runs logged no metric.</Empty>
      ) : (
        <>
          <Choice label="Curve of" value={key} of={metrics} onChange={(name) => change({ curve: name })} />
          <Curves runs={runs} metric={key} />
        </>
      )}
    </>
  );
}

function Differences({ runs }: { readonly runs: readonly Run[] }) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.params)))];
  const differing = names.filter((name) => new Set(runs.map((run) => run.params[name])).size > 1);
  if (differing.length === 0)
    return <p>{runs.length === 1 ? 'Choose a second run to compare.' : 'All params are equal.'}</p>;
  return (
    <Rows
      label="Params that differ"
      rows={differing}
      keyOf={(name) => name}
      columns={[
        { title: 'Param', cell: (name) => name },
        ...runs.map((run) => ({ title: run.name, cell: (name: string) => run.params[name] ?? '–' })),
      ]}
    />
  );
}

function Curves({ runs, metric }: { readonly runs: readonly Run[]; readonly metric: string }) {
  const ids = runs.map(({ id }) => id).join(',');
  const { data, error } = useQuery({
    queryKey: ['/v1/run-metrics', ids, metric],
    queryFn: () => answer(client.GET('/v1/run-metrics', { params: { query: { runs: ids, key: metric } } })),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  const steps = [...new Set(data.points.map(({ step }) => step))].toSorted((a, b) => a - b);
  if (steps.length < 2)
    return <p>{runs.map(({ name, metrics }) => `${name}: ${numberText(metrics[metric])}`).join(', ')}</p>;
  return (
    <SeriesChart
      label={`${metric} by step of ${runs.length} runs`}
      x={steps}
      isTime={false}
      unit=""
      series={runs.map(({ id, name }) => ({ name, values: valuesOf(data.points, id, steps) }))}
    />
  );
}

function valuesOf(
  points: Schema<'Curves'>['points'],
  run: string,
  steps: readonly number[],
): readonly (number | null)[] {
  const bySteps = new Map(points.filter((point) => point.run === run).map(({ step, value }) => [step, value]));
  return steps.map((step) => bySteps.get(step) ?? null);
}
