import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { Site } from '../site/site.ts';
import type { Call } from './command.ts';
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
  const { withSite } = await import('../site/site.ts');
  const { project, environment } = await (env === undefined ? loadConfig(call) : loadConfig(call, env));
  return withSite({ project, environment }, async (site) => {
    site.makeDirectory();
    return work({ project, environment, site, ...(await site.open('registry', 'artifacts')) });
  });
}
