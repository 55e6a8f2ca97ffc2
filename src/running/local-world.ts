import { resolve } from 'node:path';
import { Judge } from '../findings/judge.ts';
import { journalIncidents } from '../playbook/journal-incidents.ts';
import type { WorldOf } from '../playbook/project-playbooks.ts';
import { readNumbers } from '../site/table-files.ts';
import { flushParts, type OpenProject } from './open-project.ts';

/** The stores and works of playbooks in the process of their project. */
export function localWorld(open: OpenProject): WorldOf {
  const { stores, training, models, parts } = open;
  const judge = new Judge();
  return (model) => {
    const { control } = models.named(model.name).rollouts;
    return {
      ...stores,
      withHistory: async (work) => {
        await flushParts(parts);
        return work(stores.offline);
      },
      train: (order) => training.train(model, order),
      writeSet: async ({ between, exclude, path }) => {
        const set = await training.writeSet(model, resolve(path), { ...between, exclude, mode: 'as-known' });
        return set.rows;
      },
      startRollout: async (id, version, decision) => {
        await control.start(version, decision, id);
      },
      rollBack: async (decision) => {
        await control.rollBack(decision);
      },
      readNumbers,
      incidents: journalIncidents,
      judge,
    };
  };
}
