import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useMay } from '../../app/session.tsx';
import { durationText, NONE, numberText } from '../../look/format.ts';
import { Empty, Live } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { TONES } from '../operations/jobs.tsx';
import { DeadRows } from './dead-rows.tsx';
import css from './inference.module.css';

type Job = LiveAnswer<'/v1/admin/jobs'>['jobs'][number];

/** Newest batches whose dead rows are shown. */
const MOST_SHOWN = 3;

/** Batches of predictions of the server: how far each is, what it had to repeat, and what it gave up. */
export function BatchJobs() {
  return useMay('admin') ? <Listed /> : <Empty>A key with the scope admin sees the jobs.</Empty>;
}

function Listed() {
  return (
    <Live reading={useLive('/v1/admin/jobs')}>
      {({ jobs }) => {
        const batches = jobs.filter(({ kind }) => kind === 'predict');
        return batches.length === 0 ? (
          <Empty command="npx headrace predict <model> --from rows.parquet --to scores">
            No batch has run since the server started:
          </Empty>
        ) : (
          <Batches jobs={batches} />
        );
      }}
    </Live>
  );
}

function Batches({ jobs }: { readonly jobs: readonly Job[] }) {
  const dead = jobs.filter(({ progress }) => (progress?.quarantined ?? 0) > 0);
  return (
    <>
      <Table jobs={jobs} />
      {dead.slice(0, MOST_SHOWN).map(({ id, target, progress }) => (
        <DeadRows key={id} job={id} model={target} count={progress?.quarantined ?? 0} />
      ))}
    </>
  );
}

function Table({ jobs }: { readonly jobs: readonly Job[] }) {
  return (
    <Rows
      label="Batch jobs"
      rows={jobs}
      keyOf={({ id }) => id}
      columns={[
        { title: 'State', cell: ({ state }) => <State tone={TONES[state] ?? 'idle'}>{state}</State> },
        { title: 'Model', cell: ({ target }) => target },
        { title: 'Asked', cell: ({ askedAt }) => <Time at={askedAt} /> },
        {
          title: 'Done',
          cell: ({ progress }) =>
            progress === null ? (
              NONE
            ) : (
              <meter
                className={css.meter}
                aria-label="rows that are done"
                min={0}
                max={Math.max(1, progress.total)}
                value={progress.rows}
              />
            ),
        },
        {
          title: 'Rows',
          isFigure: true,
          cell: ({ progress }) =>
            progress === null ? NONE : `${numberText(progress.rows)} of ${numberText(progress.total)}`,
        },
        {
          title: 'Rows/s',
          isFigure: true,
          cell: ({ progress }) => (progress === null ? NONE : numberText(Math.round(progress.rowsPerSecond))),
        },
        {
          title: 'Left',
          isFigure: true,
          cell: ({ progress, state }) => (state === 'running' ? durationText(progress?.etaMs) : NONE),
        },
        { title: 'Retries', isFigure: true, cell: ({ progress }) => numberText(progress?.retries) },
        { title: 'Dead rows', isFigure: true, cell: ({ progress }) => numberText(progress?.quarantined) },
      ]}
    />
  );
}
