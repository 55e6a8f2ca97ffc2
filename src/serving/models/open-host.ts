import type { Environment } from '../../environment/config.ts';
import type { VersionCache } from '../../versions/cache/version-cache.ts';
import type { InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { FunctionSource } from '../../versions/source/function-source.ts';
import type { ModelSource } from '../../versions/source/model-source.ts';
import type { RegisteredTools } from '../../versions/source/registered-model.ts';
import { RegistrySource } from '../../versions/source/registry-source.ts';
import { TritonRepository } from '../../versions/source/triton-repository.ts';
import { ModelHost } from '../oip/model-host.ts';
import { SharedMemory } from '../oip/shared-memory.ts';
import type { InferLane } from '../rollout/infer-lanes.ts';

export interface OpenHostOptions {
  readonly environment: Pick<Environment, 'models'>;
  /** The loaded versions of the process. */
  readonly versions: VersionCache;
  /** Models of a project's registry; null: the process has none open. */
  readonly registered: RegisteredTools | null;
  /** Whether clients on this machine may register shared memory, where the environment lets them; left out: no. */
  readonly sharesMemory?: boolean;
  /** Models of other parts of the process. */
  readonly more?: readonly ModelSource[];
  /** The lane of a request during a rollout of its model. */
  readonly laneOf?: (request: InferRequest) => InferLane | null;
  /** Logs the answer to a request that asks for it. */
  readonly log?: (request: InferRequest, reply: InferReply) => Promise<unknown> | null;
  /** Refuses a request whose log could not be written, before it runs. */
  readonly checkLog?: (request: InferRequest) => void;
  /** Notes how long an answered request took, ms. */
  readonly answered?: (model: string, tookMs: number) => void;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** Opens the models of an environment; those of its repository are loaded where it says so. Error: OIP_CONFIG. */
export async function openModelHost(options: OpenHostOptions): Promise<ModelHost> {
  const { environment, versions, registered, clock, onFault } = options;
  const { functions, repository, load, idleMs, cacheBytes, sharedMemory } = environment.models;
  const eager: ModelSource[] = [];
  if (functions.length > 0) eager.push(new FunctionSource(functions));
  if (repository !== undefined) eager.push(new TritonRepository(repository));
  const lazy = registered === null ? [] : [new RegistrySource(registered)];
  const host = new ModelHost({
    sources: [...eager, ...lazy, ...(options.more ?? [])],
    versions,
    idleMs,
    loadsOnRequest: load !== 'explicit',
    cacheBytes,
    sharedMemory: sharedMemory && options.sharesMemory === true ? new SharedMemory() : null,
    ...(options.laneOf === undefined ? {} : { laneOf: options.laneOf }),
    ...(options.checkLog === undefined ? {} : { checkLog: options.checkLog }),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.answered === undefined ? {} : { answered: options.answered }),
    clock,
    onFault,
  });
  if (load === 'start') for (const source of eager) await host.loadAll(await source.names());
  return host;
}
