import type { TensorSpec } from '../../schema/tensor.ts';
import type { ModelConfig, QueuePolicy, VersionPolicy } from './model-config.ts';

/** A configuration as clients of Triton read it. */
export function configJson(config: ModelConfig): Readonly<Record<string, unknown>> {
  const { batching, sequencing, ensemble } = config;
  return {
    name: config.name,
    platform: config.platform,
    backend: config.backend,
    version_policy: policyJson(config.versionPolicy),
    max_batch_size: config.maxBatchSize,
    input: config.inputs.map((spec) => ({ ...tensorJson(spec), format: 'FORMAT_NONE' })),
    output: config.outputs.map(tensorJson),
    instance_group: [{ name: `${config.name}_0`, kind: 'KIND_CPU', count: config.instances }],
    default_model_filename: config.file,
    parameters: Object.fromEntries(
      Object.entries(config.parameters).map(([key, value]) => [key, { string_value: value }]),
    ),
    ...(batching === null
      ? {}
      : {
          dynamic_batching: {
            preferred_batch_size: batching.preferredRows,
            max_queue_delay_microseconds: Math.round(batching.delayMs * 1_000),
            priority_levels: batching.priorities,
            default_priority_level: batching.defaultPriority,
            default_queue_policy: queueJson(batching.policy),
          },
        }),
    ...(sequencing === null
      ? {}
      : {
          sequence_batching: {
            max_sequence_idle_microseconds: Math.round(sequencing.idleMs * 1_000),
            control_input: sequencing.controls.map(({ name, kind }) => ({
              name,
              control: [{ kind: `CONTROL_SEQUENCE_${kind}` }],
            })),
          },
        }),
    ...(ensemble === null
      ? {}
      : {
          ensemble_scheduling: {
            step: ensemble.map(({ model, version, inputs, outputs }) => ({
              model_name: model,
              model_version: version === '' ? -1 : Number(version),
              input_map: inputs,
              output_map: outputs,
            })),
          },
        }),
    ...(config.decoupled ? { model_transaction_policy: { decoupled: true } } : {}),
    ...(config.caches ? { response_cache: { enable: true } } : {}),
  };
}

function policyJson(policy: VersionPolicy): object {
  switch (policy.kind) {
    case 'latest':
      return { latest: { num_versions: policy.count } };
    case 'all':
      return { all: {} };
    case 'specific':
      return { specific: { versions: policy.versions } };
    default:
      return policy satisfies never;
  }
}

function tensorJson({ name, type, shape }: TensorSpec): object {
  return { name, data_type: `TYPE_${type === 'BYTES' ? 'STRING' : type}`, dims: shape };
}

function queueJson({ action, timeoutMs, allowsOverride, mostRequests }: QueuePolicy): object {
  return {
    timeout_action: action.toUpperCase(),
    default_timeout_microseconds: Math.round(timeoutMs * 1_000),
    allow_timeout_override: allowsOverride,
    max_queue_size: mostRequests,
  };
}
