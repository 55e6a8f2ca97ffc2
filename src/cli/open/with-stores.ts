import type { Environment } from '../../environment/config.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import type { ProjectData } from '../../features/define/declaration.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Alerts } from '../../site/open-alerts.ts';
import type { Site } from '../../site/site.ts';
import type { Call } from '../command.ts';
import { loadConfig } from './load-config.ts';

/** The registry of a call's environment. */
export interface OpenRegistry {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly site: Site;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
}

/** Opens the registry of a call, also while other processes have it open, and closes it in any case. */
export async function withRegistry<T>(call: Call, work: (open: OpenRegistry) => Promise<T>, env?: string): Promise<T> {
  const { withSite } = await import('../../site/site.ts');
  const { project, environment } = await (env === undefined ? loadConfig(call) : loadConfig(call, env));
  return withSite({ project, environment }, async (site) => {
    site.makeDirectory();
    return work({ project, environment, site, ...(await site.open('registry', 'artifacts')) });
  });
}

/** Opens the published history of a call's project, also while a server runs, works with it, and closes it in any case. `scratch`: prefix of scratch files. */
export async function withHistory<T>(
  call: Call,
  work: (project: ProjectData, history: OfflineStore, scratch: string) => Promise<T>,
): Promise<T> {
  const { historyScratch } = await import('../../site/history-files.ts');
  const { withHistory: withPublished } = await import('../../site/open-history.ts');
  const { project, environment } = await loadConfig(call);
  return withPublished(environment, (history) => work(project, history, historyScratch(environment)));
}

/** The inputs of a command about incidents. */
export interface WithAlerts {
  readonly alerts: Alerts;
  readonly project: ProjectData;
  readonly environment: Environment;
}

/** Opens the incidents of a call's environment, also while other processes use them, and closes them whatever happens. */
export async function withAlerts<T>(call: Call, work: (open: WithAlerts) => Promise<T>): Promise<T> {
  const { openAlerts } = await import('../../site/open-alerts.ts');
  const { withSite } = await import('../../site/site.ts');
  const { project, environment } = await loadConfig(call);
  const clock = environmentClock(environment.directory, { keeps: false });
  return withSite({ project, environment, clock }, async (site) => {
    const alerts = await openAlerts(site);
    try {
      return await work({ alerts, project, environment });
    } finally {
      await alerts.close();
    }
  });
}
