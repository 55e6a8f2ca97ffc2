import { useQuery } from '@tanstack/react-query';
import { answer, client } from '../../api/client.ts';
import { useProject } from '../../app/project.ts';
import { Fault } from '../../look/fault.tsx';
import { Empty, Panel, Skeleton } from '../../look/page.tsx';
import css from './inference.module.css';

/** The streams of the project: positions, version map, open plan. */
export function Streams() {
  const { data } = useProject();
  const streams = data?.streams ?? [];
  return (
    <Panel title="Streams">
      {streams.length === 0 ? (
        <Empty command="streamInference('late', { model, from: schedule, to: 'late_scores' })">
          The project declares no stream. A declaration makes one:
        </Empty>
      ) : (
        streams.map(({ name, model, from }) => (
          <div key={name}>
            <h3>
              {name}: {model} scores {from}
            </h3>
            <Positions stream={name} />
          </div>
        ))
      )}
    </Panel>
  );
}

function Positions({ stream }: { readonly stream: string }) {
  const { data, error } = useQuery({
    queryKey: ['/v1/streams', stream],
    queryFn: () => answer(client.GET('/v1/streams/{stream}', { params: { path: { stream } } })),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  return <pre className={css.json}>{JSON.stringify(data, null, 1)}</pre>;
}
