import { fail } from '../../base/errors/fail.ts';
import type { TensorSpec } from '../../schema/tensor.ts';
import { memoryOf, type Region } from '../../serving/oip/shared-memory.ts';
import type { ServedVersion } from '../../versions/cache/served-version.ts';
import type { Timed } from '../../versions/queue/model-statistics.ts';
import type { InferCaller } from '../../versions/request/infer-request.ts';
import { parametersJson } from '../../versions/request/model-parameters.ts';
import { extensionsOf } from '../oip/extensions.ts';
import type { RouteAccess } from '../route-access.ts';
import type { ServedProject } from '../served-project.ts';
import { configFields } from './grpc-config.ts';
import { requestOf, responseOf } from './grpc-infer.ts';
import type { PlainMessage } from './proto.ts';

function fieldsOf({ name, key, offset, byteSize }: Region): object {
  return { name, key, offset: BigInt(offset), byteSize: BigInt(byteSize) };
}

/** Methods of tensors in shared memory. CUDA's is never registered, so its list is empty. */
const sharedMemoryMethods: Readonly<Record<string, GrpcMethod>> = {
  SystemSharedMemoryStatus: {
    scopes: ['read'],
    changes: null,
    answer: async ({ models }, request) => {
      const regions = memoryOf(models.sharedMemory).status(String(request['name']));
      return { regions: Object.fromEntries(regions.map((region) => [region.name, fieldsOf(region)])) };
    },
  },
  SystemSharedMemoryRegister: {
    scopes: ['admin'],
    changes: 'memory',
    answer: async ({ models }, { name, key, offset, byteSize }) => {
      const sizes = { offset: Number(offset), byteSize: Number(byteSize) };
      memoryOf(models.sharedMemory).register({ name: String(name), key: String(key), ...sizes });
      return {};
    },
  },
  SystemSharedMemoryUnregister: {
    scopes: ['admin'],
    changes: 'memory',
    answer: async ({ models }, request) => {
      memoryOf(models.sharedMemory).unregister(String(request['name']));
      return {};
    },
  },
  CudaSharedMemoryStatus: { scopes: ['read'], changes: null, answer: async () => ({ regions: {} }) },
  CudaSharedMemoryRegister: {
    scopes: ['admin'],
    changes: 'memory',
    answer: async () => {
      throw fail('OIP_UNSUPPORTED', { reason: 'shared memory of CUDA' });
    },
  },
  CudaSharedMemoryUnregister: { scopes: ['admin'], changes: 'memory', answer: async () => ({}) },
};

/** A method with one request and one answer. */
export interface GrpcMethod extends RouteAccess {
  /** The fields of the answer. */
  readonly answer: (served: ServedProject, request: PlainMessage, caller: InferCaller) => Promise<object>;
}

function named({ models }: ServedProject, request: PlainMessage): Promise<ServedVersion> {
  return models.find(String(request['name']), String(request['version']));
}

function specsOf(specs: readonly TensorSpec[]): readonly object[] {
  return specs.map(({ name, type, shape }) => ({ name, datatype: type, shape: shape.map(BigInt) }));
}

/** Runs a ModelInferRequest; gives the fields of ModelInferResponse. Errors: those of the model host. */
export async function inferMessage(
  { models }: Pick<ServedProject, 'models'>,
  message: PlainMessage,
  caller: InferCaller,
): Promise<object> {
  const model = String(message['modelName']);
  const version = String(message['modelVersion']);
  // A model that is absent is that, whatever its tensors.
  const served = models.findLoaded(model, version) ?? (await models.find(model, version, caller.deadline));
  // Without a version the host chooses: by the cohort of the caller, where a rollout is under way.
  const request = {
    ...requestOf(message, models.sharedMemory),
    version: version === '' ? '' : served.version,
  };
  return responseOf(request, await models.infer(request, caller), models.sharedMemory);
}

/** Answers a ModelInferRequest of a stream piece by piece. Errors: those of the model host. */
export async function* streamMessage(
  { models }: ServedProject,
  message: PlainMessage,
  caller: InferCaller,
): AsyncGenerator<object> {
  const model = String(message['modelName']);
  const version = String(message['modelVersion']);
  const served = models.findLoaded(model, version) ?? (await models.find(model, version, caller.deadline));
  if (!served.config.decoupled) {
    yield await inferMessage({ models }, message, caller);
    return;
  }
  const request = { ...requestOf(message, models.sharedMemory), version: served.version };
  for await (const reply of models.pieces(request, caller))
    yield finalFlag(responseOf(request, reply, models.sharedMemory), false);
  if (request.parameters['triton_enable_empty_final_response'] === true)
    yield finalFlag({ modelName: model, modelVersion: served.version, id: request.id }, true);
}

/** Says whether more pieces of a request follow. */
function finalFlag(response: object, isFinal: boolean): object {
  const parameters = { triton_final_response: { choice: { case: 'boolParam', value: isFinal } } };
  return { ...response, parameters };
}

function statisticsFields({ name, version, statistics }: ServedVersion): object {
  return {
    name,
    version,
    lastInference: BigInt(Math.round(statistics.lastInference)),
    inferenceCount: BigInt(statistics.inferences),
    executionCount: BigInt(statistics.executions),
    inferenceStats: {
      success: timedFields(statistics.success),
      fail: timedFields(statistics.fail),
      queue: timedFields(statistics.queue),
      computeInput: timedFields(statistics.computeInput),
      computeInfer: timedFields(statistics.computeInfer),
      computeOutput: timedFields(statistics.computeOutput),
      cacheHit: timedFields(statistics.cacheHit),
      cacheMiss: timedFields(statistics.cacheMiss),
    },
    batchStats: [...statistics.batches].map(([size, timed]) => ({
      batchSize: BigInt(size),
      computeInfer: timedFields(timed),
    })),
  };
}

function timedFields({ count, ms }: Timed): object {
  return { count: BigInt(count), ns: BigInt(Math.round(ms * 1e6)) };
}

function loadOverride(model: string, parameters: unknown) {
  const entries = Object.entries(
    parameters as Readonly<Record<string, { readonly choice: { readonly value?: unknown } }>>,
  );
  const files = new Map<string, Uint8Array>();
  let config: string | null = null;
  for (const [key, { choice }] of entries) {
    if (key === 'config' && typeof choice.value === 'string') config = choice.value;
    else if (key.startsWith('file:') && choice.value instanceof Uint8Array)
      files.set(key.slice('file:'.length), choice.value);
    else throw fail('OIP_LOAD', { reason: `failed to load '${model}', unrecognized load parameter '${key}'` });
  }
  return { config, files };
}

/** The method of a stream of requests, and the scopes that its key needs. */
export const STREAM_INFER = 'ModelStreamInfer';

/** The methods with one request by their names. */
export const grpcMethods: Readonly<Record<string, GrpcMethod>> = {
  ServerLive: { scopes: null, changes: null, answer: async () => ({ live: true }) },
  ServerReady: { scopes: null, changes: null, answer: async (served) => ({ ready: served.notReady().length === 0 }) },
  ModelReady: {
    scopes: ['read'],
    changes: null,
    answer: async ({ models }, request) => ({
      ready: await models.isReady(String(request['name']), String(request['version'])),
    }),
  },
  ServerMetadata: {
    scopes: ['read'],
    changes: null,
    answer: async (served) => ({ ...served.inferenceServer, extensions: extensionsOf(served.models) }),
  },
  ModelMetadata: {
    scopes: ['read'],
    changes: null,
    answer: async (served, request) => {
      const { name, config, signature, parameters } = await named(served, request);
      return {
        name,
        versions: served.models.entries.get(name)?.holds.map(({ version }) => version) ?? [],
        platform: config.platform,
        inputs: specsOf(signature.inputs),
        outputs: specsOf(signature.outputs),
        properties: parameters.length === 0 ? {} : { parameters: JSON.stringify(parametersJson(parameters)) },
      };
    },
  },
  ModelInfer: { scopes: ['read'], changes: 'served', answer: inferMessage },
  ModelConfig: {
    scopes: ['read'],
    changes: null,
    answer: async (served, request) => ({ config: configFields((await named(served, request)).config) }),
  },
  ModelStatistics: {
    scopes: ['read'],
    changes: null,
    answer: async (served, request) => {
      const all = request['name'] === '' ? served.models.versions() : [await named(served, request)];
      return { modelStats: all.map(statisticsFields) };
    },
  },
  RepositoryIndex: {
    scopes: ['read'],
    changes: null,
    answer: async ({ models }, request) => ({ models: await models.index(request['ready'] === true) }),
  },
  RepositoryModelLoad: {
    scopes: ['admin'],
    changes: 'loaded',
    answer: async ({ models }, request) => {
      const name = String(request['modelName']);
      await models.load(name, loadOverride(name, request['parameters']));
      return {};
    },
  },
  RepositoryModelUnload: {
    scopes: ['admin'],
    changes: 'loaded',
    answer: async ({ models }, request) => {
      await models.unload(String(request['modelName']));
      return {};
    },
  },
  ...sharedMemoryMethods,
};

/** The access to the method that streams; its messages run models too. */
export const streamAccess: RouteAccess = { scopes: ['read'], changes: 'served' };
