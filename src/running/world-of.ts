import { resolve } from 'node:path';
import type { PlaybookWorldOptions } from '../playbook/playbook-world.ts';
import type { WorldOf } from '../playbook/project-playbooks.ts';
import type { RolloutControl } from '../serving/rollout/rollout-control.ts';
import { readNumbers } from '../site/table-files.ts';
import type { TrainingRuns } from '../training/training-runs.ts';

type WorldStores = Pick<
  PlaybookWorldOptions,
  'registry' | 'artifacts' | 'rollouts' | 'registered' | 'withHistory' | 'incidents' | 'judge'
>;

export interface WorldParts extends WorldStores {
  readonly training: TrainingRuns;
  readonly controlOf: (model: Parameters<WorldOf>[0]) => RolloutControl;
  /** Aborted when trainings under way are to end; left out: they run to their end. */
  readonly signal?: AbortSignal;
}

/** The stores and works of playbooks in any process. */
export function worldOf({ training, controlOf, signal, ...stores }: WorldParts): WorldOf {
  const stopped = signal === undefined ? {} : { signal };
  return (model) => {
    const control = controlOf(model);
    return {
      ...stores,
      train: (order) => training.train(model, { ...order, ...stopped }),
      writeSet: async ({ between, exclude, path }) => {
        const asked = { ...between, exclude, mode: 'as-known', ...stopped } as const;
        return (await training.writeSet(model, resolve(path), asked)).rows;
      },
      startRollout: async (id, version, decision) => {
        await control.start(version, decision, id);
      },
      rollBack: async (decision) => {
        await control.rollBack(decision);
      },
      readNumbers,
    };
  };
}
