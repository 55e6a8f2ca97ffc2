import { answer, client } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import { Empty, Live } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State, type Tone } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

export const TONES: Readonly<Record<string, Tone>> = {
  waiting: 'idle',
  running: 'busy',
  done: 'good',
  failed: 'bad',
  cancelled: 'idle',
};

/** Jobs of the server; only an administrator sees them. */
export function Jobs() {
  return useMay('admin') ? <JobList /> : <Empty>A key with the scope admin sees the jobs.</Empty>;
}

function JobList() {
  const reading = useLive('/v1/admin/jobs');
  return (
    <Live reading={reading}>
      {({ jobs }) =>
        jobs.length === 0 ? (
          <Empty command="npx headrace train <model>">No job has run since the server started.</Empty>
        ) : (
          <Rows
            label="Jobs"
            rows={jobs}
            keyOf={({ id }) => id}
            columns={[
              { title: 'State', cell: ({ state }) => <State tone={TONES[state] ?? 'idle'}>{state}</State> },
              { title: 'Job', cell: ({ kind, target }) => `${kind} ${target}` },
              { title: 'Asked', cell: ({ askedAt }) => <Time at={askedAt} /> },
              {
                title: '',
                cell: ({ id, state, kind, target }) =>
                  state === 'waiting' || state === 'running' ? (
                    <Act
                      verb="Cancel"
                      danger
                      asksReason={false}
                      effect={`Ends the job ${kind} ${target}. It registers nothing.`}
                      run={() => answer(client.DELETE('/v1/admin/jobs/{id}', { params: { path: { id } } }))}
                    />
                  ) : null,
              },
            ]}
          />
        )
      }
    </Live>
  );
}
