import type { Environment } from '../../environment/config.ts';
import type { RolloutStore } from '../../ports/rollout-store.ts';
import { FunctionSource } from '../../versions/source/function-source.ts';
import type { ModelSource } from '../../versions/source/model-source.ts';
import type { RegisteredTools } from '../../versions/source/registered-model.ts';
import { RegistrySource } from '../../versions/source/registry-source.ts';
import { TritonRepository } from '../../versions/source/triton-repository.ts';
import { ModelHost, type ModelHostOptions } from '../oip/model-host.ts';
import { SharedMemory } from '../oip/shared-memory.ts';
import { RolledSource } from './rolled-source.ts';

/** The options of a model host that its environment has. */
type OfEnvironment = 'sources' | 'idleMs' | 'loadsOnRequest' | 'cacheBytes' | 'sharedMemory';

export interface OpenHostOptions extends Omit<ModelHostOptions, OfEnvironment> {
  readonly environment: Pick<Environment, 'models'>;
  /** Models of a project's registry; null: the process has none open. */
  readonly registered: RegisteredTools | null;
  /** Whether clients on this machine may register shared memory, where the environment lets them; left out: no. */
  readonly sharesMemory?: boolean;
  /** Models of other parts of the process. */
  readonly more?: readonly ModelSource[];
  /** The rollouts of its models that no registry has; left out: the process does not know them. */
  readonly rollouts?: Pick<RolloutStore, 'newest'>;
}

/** Opens the models of an environment; those of its repository are loaded where it says so. Error: OIP_CONFIG. */
export async function openModelHost(options: OpenHostOptions): Promise<ModelHost> {
  const { environment, registered, sharesMemory = false, more = [], rollouts, ...hostOptions } = options;
  const { functions, repository, load, idleMs, cacheBytes, sharedMemory } = environment.models;
  const eager: ModelSource[] = [];
  if (functions.length > 0) eager.push(new FunctionSource(functions));
  if (repository !== undefined) {
    const folders = new TritonRepository(repository);
    eager.push(rollouts === undefined ? folders : new RolledSource(folders, rollouts));
  }
  const lazy = registered === null ? [] : [new RegistrySource(registered)];
  const host = new ModelHost({
    ...hostOptions,
    sources: [...eager, ...lazy, ...more],
    idleMs,
    loadsOnRequest: load !== 'explicit',
    cacheBytes,
    sharedMemory: sharedMemory && sharesMemory ? new SharedMemory() : null,
  });
  if (load === 'start') for (const source of eager) await host.loadAll(await source.names());
  return host;
}
