import { useQuery } from '@tanstack/react-query';
import { answer, client } from '../../api/client.ts';
import { type LiveAnswer, useLive } from '../../api/live.ts';
import { Fault } from '../../look/fault.tsx';
import { bytesText, countText, durationText, numberText } from '../../look/format.ts';
import { Empty, Live, Page as PageFrame, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { Time } from '../../look/time.tsx';
import { BatchJobs } from './batch-jobs.tsx';
import { Callers } from './callers.tsx';
import { Streams } from './streams.tsx';
import { TryOut } from './try-out.tsx';

export type Loaded = NonNullable<LiveAnswer<'/v1/status'>['inference']>;

/** Counts of a loaded version, as the Open Inference Protocol has them. */
interface Statistics {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, { readonly count: number; readonly ns: number }>>;
}

/** Whether the models answer in time. */
export function Page() {
  const status = useLive('/v1/status');
  const loaded = status.value?.inference;
  return (
    <PageFrame title="Inference" finding={loaded === undefined ? undefined : findingOf(loaded)}>
      <Panel title="Loaded versions">
        <Live reading={status}>{({ inference = [] }) => <Versions loaded={inference} />}</Live>
      </Panel>
      {loaded !== undefined && loaded.length > 0 && (
        <Panel
          title="By caller"
          note="Means of answered requests by the key of the caller, since the version was loaded."
        >
          <Live reading={status}>{({ inference = [] }) => <Callers loaded={inference} />}</Live>
        </Panel>
      )}
      <Panel title="Where the time of a request goes" note="Means over all requests since the version was loaded.">
        <Times />
      </Panel>
      <TryOut />
      <Streams />
      <Panel
        title="Batch jobs"
        note="Rows by the second and the time left are of the present run; dead rows are in quarantine."
      >
        <BatchJobs />
      </Panel>
    </PageFrame>
  );
}

function findingOf(loaded: Loaded): string {
  if (loaded.length === 0) return 'No model is loaded: no champion is set.';
  const waiting = loaded.reduce((sum, { pending }) => sum + pending, 0);
  const worst = Math.max(...loaded.map(({ p99Ms }) => p99Ms ?? 0));
  return `${countText(loaded.length, 'loaded version')}; ${countText(waiting, 'waiting request')}; the slowest p99 is ${durationText(worst)}.`;
}

function Versions({ loaded }: { readonly loaded: Loaded }) {
  if (loaded.length === 0)
    return (
      <Empty command="npx headrace train <model> --promote">No model is loaded. Train one and make it champion:</Empty>
    );
  return (
    <Rows
      label="Loaded versions"
      rows={loaded}
      keyOf={({ model, version }) => `${model} ${version}`}
      columns={[
        { title: 'Model', cell: ({ model }) => model },
        { title: 'Version', isFigure: true, cell: ({ version }) => version },
        { title: 'Runs', cell: ({ place }) => (place === 'here' ? 'in this process' : place) },
        { title: 'Waiting', isFigure: true, cell: ({ pending }) => numberText(pending) },
        { title: 'p99', isFigure: true, cell: ({ p99Ms }) => durationText(p99Ms) },
        { title: 'Size', isFigure: true, cell: ({ sizeBytes }) => bytesText(sizeBytes) },
        { title: 'Cold start', isFigure: true, cell: ({ loadMs }) => durationText(loadMs) },
      ]}
    />
  );
}

function Times() {
  // Read again whenever the watched state of the loaded versions changes.
  const state = JSON.stringify(useLive('/v1/status').value?.inference ?? null);
  const { data, error } = useQuery({
    queryKey: ['/v2/models/stats', state],
    placeholderData: (before) => before,
    queryFn: () => answer(client.GET('/v2/models/stats')),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  const rows = data.model_stats as unknown as readonly Statistics[];
  if (rows.length === 0) return <Empty>No version has run.</Empty>;
  const mean = ({ inference_stats: stats }: Statistics, part: string) => {
    const { count = 0, ns = 0 } = stats[part] ?? {};
    return durationText(count === 0 ? null : ns / count / 1e6);
  };
  return (
    <Rows
      label="Mean times"
      rows={rows}
      keyOf={({ name, version }) => `${name} ${version}`}
      columns={[
        { title: 'Model', cell: ({ name, version }) => `${name} ${version}` },
        { title: 'Requests', isFigure: true, cell: (row) => numberText(row.inference_stats['success']?.count) },
        { title: 'Failed', isFigure: true, cell: (row) => numberText(row.inference_stats['fail']?.count) },
        {
          title: 'Rows per run',
          isFigure: true,
          cell: (row) => numberText(row.inference_count / Math.max(1, row.execution_count)),
        },
        { title: 'Queue', isFigure: true, cell: (row) => mean(row, 'queue') },
        { title: 'Run', isFigure: true, cell: (row) => mean(row, 'compute_infer') },
        { title: 'Whole', isFigure: true, cell: (row) => mean(row, 'success') },
        { title: 'Last', cell: (row) => <Time at={row.last_inference === 0 ? null : row.last_inference} /> },
      ]}
    />
  );
}
