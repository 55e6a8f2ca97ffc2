import type { Environment } from '../environment/config.ts';
import { environmentClock } from '../environment/environment-clock.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { Alerts } from '../site/open-alerts.ts';
import type { Call } from './command.ts';
import { loadConfig } from './load-config.ts';

/** The inputs of a command about incidents. */
export interface WithAlerts {
  readonly alerts: Alerts;
  readonly project: ProjectData;
  readonly environment: Environment;
}

/** Opens the incidents of a call's environment, also while other processes use them, and closes them whatever happens. */
export async function withAlerts<T>(call: Call, work: (open: WithAlerts) => Promise<T>): Promise<T> {
  const { openAlerts } = await import('../site/open-alerts.ts');
  const { withSite } = await import('../site/site.ts');
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
