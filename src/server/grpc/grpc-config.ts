import type { TensorSpec, TensorType } from '../../schema/tensor.ts';
import type { ModelConfig } from '../../versions/config/model-config.ts';

/** Numbers of the element types in a model configuration. */
const DATA_TYPES: Readonly<Record<TensorType, number>> = {
  BOOL: 1,
  UINT8: 2,
  UINT16: 3,
  UINT32: 4,
  UINT64: 5,
  INT8: 6,
  INT16: 7,
  INT32: 8,
  INT64: 9,
  FP16: 10,
  FP32: 11,
  FP64: 12,
  BYTES: 13,
  BF16: 14,
};

const KIND_CPU = 2;

/** A configuration as the fields of the message ModelConfig. */
export function configFields(config: ModelConfig): object {
  const { batching, versionPolicy } = config;
  return {
    name: config.name,
    platform: config.platform,
    backend: config.backend,
    versionPolicy: policyFields(versionPolicy),
    maxBatchSize: config.maxBatchSize,
    input: config.inputs.map(tensorFields),
    output: config.outputs.map(tensorFields),
    instanceGroup: [{ name: `${config.name}_0`, count: config.instances, kind: KIND_CPU }],
    defaultModelFilename: config.file,
    parameters: Object.fromEntries(
      Object.entries(config.parameters).map(([key, value]) => [key, { stringValue: value }]),
    ),
    ...(config.decoupled ? { modelTransactionPolicy: { decoupled: true } } : {}),
    ...(batching === null
      ? {}
      : {
          dynamicBatching: {
            preferredBatchSize: batching.preferredRows,
            maxQueueDelayMicroseconds: BigInt(Math.round(batching.delayMs * 1_000)),
            priorityLevels: BigInt(batching.priorities),
            defaultPriorityLevel: BigInt(batching.defaultPriority),
            defaultQueuePolicy: {
              timeoutAction: batching.policy.action === 'delay' ? 1 : 0,
              defaultTimeoutMicroseconds: BigInt(Math.round(batching.policy.timeoutMs * 1_000)),
              allowTimeoutOverride: batching.policy.allowsOverride,
              maxQueueSize: batching.policy.mostRequests,
            },
          },
        }),
  };
}

function policyFields(policy: ModelConfig['versionPolicy']): object {
  if (policy.kind === 'latest') return { latest: { numVersions: policy.count } };
  return policy.kind === 'all' ? { all: {} } : { specific: { versions: policy.versions.map(BigInt) } };
}

function tensorFields({ name, type, shape }: TensorSpec): object {
  return { name, dataType: DATA_TYPES[type], dims: shape.map(BigInt) };
}
