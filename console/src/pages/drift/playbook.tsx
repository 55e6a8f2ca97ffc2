import { useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, client, type Schema } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import { Fault } from '../../look/fault.tsx';
import { wordsText } from '../../look/format.ts';
import { Empty, Facts, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import css from './drift.module.css';

type Playbook = Schema<'Playbook'>;
type Action = 'approve' | 'deny' | 'freeze' | 'thaw';

/** Newest decisions that the log shows. */
const MOST = 100;

/** The playbook of a model: where it stands, the question to a person, and every decision with its reason. */
export function PlaybookLog({ model }: { readonly model: string }) {
  const all = useLive('/v1/playbooks').value?.playbooks;
  // The journal is read again when it has another entry.
  const revision = all?.find((one) => one.model === model)?.revision;
  const { data, error } = useQuery({
    queryKey: ['/v1/playbooks', model, revision ?? null],
    enabled: revision !== undefined,
    placeholderData: (before) => before,
    queryFn: () => answer(client.GET('/v1/playbooks/{model}', { params: { path: { model }, query: { after: 0 } } })),
  });
  if (all !== undefined && revision === undefined)
    return (
      <Panel title="Playbook">
        <Empty command="playbook: { mode: 'dryRun' }">The model declares no playbook. Its declaration takes one:</Empty>
      </Panel>
    );
  return (
    <Panel title="Playbook" {...(data === undefined ? {} : { actions: <Actions playbook={data} /> })}>
      {error !== null ? <Fault error={error} /> : data === undefined ? <Skeleton /> : <Log playbook={data} />}
    </Panel>
  );
}

function Actions({ playbook: { model, frozen, waiting } }: { readonly playbook: Playbook }) {
  const queries = useQueryClient();
  if (!useMay('admin')) return null;
  const act = (action: Action) => async (reason: string) => {
    const body = reason === '' ? { action } : { action, reason };
    await answer(client.POST('/v1/playbooks/{model}', { params: { path: { model } }, body }));
    await queries.invalidateQueries({ queryKey: ['/v1/playbooks', model] });
  };
  return (
    <div className={css.actions}>
      {waiting !== null && (
        <>
          <Act verb="Approve" effect={`The playbook goes on with ${waiting.step}.`} run={act('approve')} />
          <Act verb="Deny" danger effect={`The playbook does not do ${waiting.step}.`} run={act('deny')} />
        </>
      )}
      {frozen === null || frozen === undefined ? (
        <Act
          verb="Freeze"
          danger
          effect={`Nothing is trained, rolled out or promoted for ${model}. Faults are still stopped.`}
          run={act('freeze')}
        />
      ) : (
        <Act verb="Thaw" effect={`The playbook of ${model} acts again.`} run={act('thaw')} />
      )}
    </div>
  );
}

function Log({ playbook }: { readonly playbook: Playbook }) {
  const { mode, step, waiting, champion, response, entries = [] } = playbook;
  const decisions = entries.filter(({ kind }) => kind !== 'observed').toReversed();
  return (
    <div className={css.log}>
      <Facts
        of={[
          ['Stands at', step],
          ['Mode', mode === 'act' ? 'acts' : 'dry run: decides, and does nothing'],
          ['Champion', champion === null ? 'none' : `version ${champion}`],
          ['Answers', response === null ? 'nothing now' : response.cause],
        ]}
      />
      {waiting !== null && (
        <p>
          <State tone="warn">Waits for a person</State> {waiting.step}: {waiting.reason}. Until{' '}
          <Time at={waiting.until} />, then {waiting.otherwise}.
        </p>
      )}
      <Rows
        label="Decisions"
        rows={decisions.slice(0, MOST)}
        keyOf={({ revision }) => `${revision}`}
        columns={[
          { title: 'At', cell: ({ at }) => <Time at={at} /> },
          { title: 'Decision', cell: ({ kind, action }) => wordsText(action?.do ?? kind) },
          { title: 'Tier', isFigure: true, cell: ({ tier }) => tier ?? '–' },
          { title: 'By', cell: ({ by }) => by },
          { title: 'Why', isSentence: true, cell: ({ reason, cause }) => reason ?? cause ?? '' },
        ]}
      />
    </div>
  );
}
