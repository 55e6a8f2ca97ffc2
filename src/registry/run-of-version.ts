import type { ModelRegistry, VersionRecord } from '../ports/model-registry.ts';
import type { Run } from '../ports/tracking-store.ts';

/**
 * The run that logged a version; null: nobody said. Clients of MLflow 2 name it with the version, those of MLflow 3 with the logged
 * model that the version is of.
 */
export async function runOfVersion(
  registry: ModelRegistry,
  { run, loggedModel }: Pick<VersionRecord, 'run' | 'loggedModel'>,
): Promise<Run | null> {
  if (run !== '') return registry.run(run);
  const logged = loggedModel === '' ? null : await registry.loggedModel(loggedModel);
  return logged === null || logged.sourceRun === '' ? null : registry.run(logged.sourceRun);
}
