import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { answer, client, type Schema } from '../../api/client.ts';
import type { LiveAnswer } from '../../api/live.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import { Fault } from '../../look/fault.tsx';
import { Page as PageFrame, Skeleton } from '../../look/page.tsx';
import { LabAnswer } from './answer.tsx';
import { Step } from './step.tsx';

export type Lab = Schema<'Lab'>;
type Summary = LiveAnswer<'/v1/labs'>['labs'][number];

/** Acts on a step of a lab, decides one, or begins it again. */
export type Change = (body: Schema<'LabBody'>) => Promise<unknown>;

/** One lab: its question, its steps, and its answer once every step is passed. */
export function LabShown({ summary }: { readonly summary: Summary }) {
  const { id, title, question, passed, steps } = summary;
  const [lab, change] = useLab(summary);
  return (
    <PageFrame
      title={title}
      finding={question}
      controls={
        <>
          <Link to="/labs" search={() => ({})}>
            All labs
          </Link>
          {useMay('admin') && passed > 0 && (
            <Act
              verb="Begin again"
              danger
              asksReason={false}
              effect="The measurements and decisions of this lab are removed."
              run={() => change({ action: 'restart' })}
            />
          )}
        </>
      }
    >
      <p role="status">
        {passed} of {steps} steps passed
      </p>
      <Fault error={lab.error} />
      {lab.data === undefined ? (
        <Skeleton />
      ) : (
        <>
          {lab.data.answer !== null && <LabAnswer lab={lab.data} answer={lab.data.answer} />}
          {lab.data.steps.map((step, i) => (
            <Step key={`${id} ${step.id}`} no={i + 1} step={step} change={change} />
          ))}
        </>
      )}
    </PageFrame>
  );
}

/** A lab, read again whenever the live list shows a change of it, and each half second while a step acts. */
function useLab({ id, states }: Summary) {
  const queries = useQueryClient();
  const key = ['lab', id];
  const lab = useQuery({
    queryKey: key,
    queryFn: () => answer(client.GET('/v1/labs/{lab}', { params: { path: { lab: id } } })),
    refetchInterval: states.includes('acting') ? 500 : false,
  });
  const seen = states.join(';');
  // biome-ignore lint/correctness/useExhaustiveDependencies: `seen` is the change that it waits for
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ['lab', id] });
  }, [queries, id, seen]);
  const change: Change = async (body) => {
    queries.setQueryData(key, await answer(client.POST('/v1/labs/{lab}', { params: { path: { lab: id } }, body })));
  };
  return [lab, change] as const;
}
