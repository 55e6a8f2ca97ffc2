import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { StoreFaults } from '../observe/store-faults.ts';
import type { Stores } from './compose.ts';
import { openArtifacts } from './open-artifacts.ts';
import { hasPlaybook } from './open-playbooks.ts';
import { openPython } from './open-python.ts';
import { openPlaybooks, openRegistry, openRollouts } from './open-registry.ts';
import { watchStores } from './watch-stores.ts';

/** The stores of a process that makes predictions and hands them to the one that writes. */
export type WorkerStores = Pick<
  Stores,
  'registry' | 'rollouts' | 'playbooks' | 'artifacts' | 'runtime' | 'python' | 'upstreams' | 'faults'
>;

/** Opens them, next to the process that writes the environment. Errors: those of the stores. */
export async function openWorkerStores(
  project: ProjectData,
  environment: Environment,
  faults: StoreFaults,
): Promise<WorkerStores> {
  const opened: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(store: T): T => {
    opened.push(store);
    return store;
  };
  try {
    const artifacts = await openArtifacts(environment);
    const stores: WorkerStores = {
      artifacts,
      registry: keep(await openRegistry(environment)),
      rollouts: keep(await openRollouts(environment)),
      playbooks: hasPlaybook(project) ? keep(await openPlaybooks(environment)) : null,
      runtime: onnxRuntime,
      python: await openPython(environment, artifacts),
      upstreams: environment.models.upstreams,
      faults,
    };
    return watchStores(stores, faults);
  } catch (error) {
    for (const store of opened.reverse()) await store.close();
    throw error;
  }
}

/** Closes them, also where one fails. Errors: the first of them. */
export async function closeWorkerStores({ python, playbooks, rollouts, registry }: WorkerStores): Promise<void> {
  const closed = await Promise.allSettled([
    python?.close(),
    (async () => playbooks?.close())(),
    (async () => rollouts.close())(),
    (async () => registry.close())(),
  ]);
  for (const one of closed) if (one.status === 'rejected') throw one.reason;
}
