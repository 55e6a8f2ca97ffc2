import { answer, client } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import type { Rollout } from './page.tsx';

type Action = 'hold' | 'release' | 'promote' | 'rollback';

/** Holds, releases, promotes or rolls back; each is there only where the state allows it and the key may. */
export function Actions({ rollout: { model, state, candidate, champion } }: { readonly rollout: Rollout }) {
  if (!useMay('admin')) return null;
  const act = (action: Action) => (reason: string) => {
    const body = reason === '' ? { action } : { action, reason };
    return answer(client.POST('/v1/rollouts/{model}', { params: { path: { model } }, body }));
  };
  const isRunning = state === 'shadow' || state === 'canary';
  if (!isRunning && state !== 'held' && state !== 'soaking') return null;
  return (
    <>
      {isRunning && (
        <Act verb="Hold" effect="The share of callers stays as it is until somebody releases it." run={act('hold')} />
      )}
      {state === 'held' && (
        <Act verb="Release" effect="The judge decides again by the evidence." run={act('release')} />
      )}
      {state !== 'soaking' && (
        <Act
          verb="Promote"
          effect={`Version ${candidate} becomes the champion now, whatever evidence is still missing.`}
          run={act('promote')}
        />
      )}
      <Act
        verb="Roll back"
        danger
        effect={`Version ${champion} answers every caller again within a second.`}
        run={act('rollback')}
      />
    </>
  );
}
