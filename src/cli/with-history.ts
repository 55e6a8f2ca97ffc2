import type { ProjectData } from '../features/define/declaration.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { Call } from './command.ts';
import { loadConfig } from './load-config.ts';

/** Opens the published history of a call's project, also while a server runs, works with it, and closes it in any case. `scratch`: prefix of scratch files. */
export async function withHistory<T>(
  call: Call,
  work: (project: ProjectData, history: OfflineStore, scratch: string) => Promise<T>,
): Promise<T> {
  const { historyScratch } = await import('../site/history-files.ts');
  const { withHistory: withPublished } = await import('../site/open-history.ts');
  const { project, environment } = await loadConfig(call);
  return withPublished(environment, (history) => work(project, history, historyScratch(environment)));
}
