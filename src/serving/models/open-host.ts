import type { Environment } from '../../environment/config.ts';
import type { Runtimes } from '../../versions/load/load-version.ts';
import type { QueueLimits } from '../../versions/queue/infer-queue.ts';
import type { InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { FunctionSource } from '../../versions/source/function-source.ts';
import type { ModelSource } from '../../versions/source/model-source.ts';
import { RegistrySource, type RegistrySourceOptions } from '../../versions/source/registry-source.ts';
import { TritonRepository } from '../../versions/source/triton-repository.ts';
import { ModelHost } from '../oip/model-host.ts';
import { SharedMemory } from '../oip/shared-memory.ts';
import type { InferLane } from '../rollout/infer-lanes.ts';

export interface OpenHostOptions {
  readonly environment: Pick<Environment, 'models'>;
  readonly runtimes: Runtimes;
  /** Models of a project's registry; null: the process has none open. */
  readonly registered: RegistrySourceOptions | null;
  /** Processes that share the bounds of the queues: each takes its part. */
  readonly processes?: number;
  /** Whether clients on this machine may register shared memory, where the environment lets them; left out: no. */
  readonly sharesMemory?: boolean;
  /** Models of other parts of the process. */
  readonly more?: readonly ModelSource[];
  /** The lane of a request during a rollout of its model. */
  readonly laneOf?: (request: InferRequest) => InferLane | null;
  /** Versions of a model that a rollout needs. */
  readonly inRollout?: (model: string) => readonly string[];
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
  const { environment, runtimes, registered, processes = 1, clock, onFault } = options;
  const { functions, repository, load, memoryBytes, idleMs, queue, cacheBytes, isolated, sharedMemory } =
    environment.models;
  const eager: ModelSource[] = [];
  if (functions.length > 0) eager.push(new FunctionSource(functions));
  if (repository !== undefined) eager.push(new TritonRepository(repository));
  const lazy = registered === null ? [] : [new RegistrySource(registered)];
  const host = new ModelHost({
    sources: [...eager, ...lazy, ...(options.more ?? [])],
    runtimes,
    limits: queueLimits(queue, processes),
    budgetBytes: memoryBytes,
    idleMs,
    loadsOnRequest: load !== 'explicit',
    cacheBytes,
    isolated,
    sharedMemory: sharedMemory && options.sharesMemory === true ? new SharedMemory() : null,
    ...(options.laneOf === undefined ? {} : { laneOf: options.laneOf }),
    ...(options.inRollout === undefined ? {} : { inRollout: options.inRollout }),
    ...(options.checkLog === undefined ? {} : { checkLog: options.checkLog }),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.answered === undefined ? {} : { answered: options.answered }),
    clock,
    onFault,
  });
  if (load === 'start') for (const source of eager) await host.loadAll(await source.names());
  return host;
}

/** The bounds of a queue of one of some processes. */
export function queueLimits(queue: Environment['models']['queue'], processes = 1): QueueLimits {
  return {
    mostRows: partOf(queue.rows, processes),
    mostRowsOfTenant: partOf(queue.rowsOfCaller, processes),
    weights: queue.weights,
  };
}

/** The part of one of some processes in a bound, so that all of them together keep it; at least 1. */
function partOf(bound: number, processes: number): number {
  return Math.max(1, Math.floor(bound / processes));
}
