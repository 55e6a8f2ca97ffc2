import type { Environment } from '../../src/environment/config.ts';
import type { ProjectData } from '../../src/features/define/declaration.ts';
import { watchedChampions } from '../../src/monitoring/monitor/watched-version.ts';
import { rolloutEvents } from '../../src/serving/rollout/rollout-events.ts';
import { judgeStores } from '../../src/site/judge-stores.ts';
import { openHistory } from '../../src/site/open-history.ts';
import { Site } from '../../src/site/site.ts';

/** The stores that a monitor of an environment reads; the caller closes them, and each history. */
export async function openMonitor(project: ProjectData, environment: Environment) {
  const site = new Site({ project, environment });
  const stores = await judgeStores(site);
  return {
    ...stores,
    history: () => openHistory(environment, 'read'),
    watched: () => watchedChampions(stores, project.models),
    rollouts: async (model: string) => rolloutEvents(await site.rollouts(), model),
    close: () => site.close(),
  };
}
