import type { TensorSpec, TensorType } from '../../schema/tensor.ts';
import { Fields } from './config-fields.ts';
import {
  type Batching,
  type EnsembleStep,
  type ModelConfig,
  NO_POLICY,
  type QueuePolicy,
  type VersionPolicy,
  type WarmUp,
} from './model-config.ts';
import { sequencingOf } from './sequence-config.ts';

const PLATFORMS: Readonly<Record<string, string>> = {
  onnxruntime_onnx: 'onnxruntime',
  ensemble: '',
  identity: 'identity',
};

/**
 * Reads a model configuration of Triton from plain data. `name` is that of the model's folder. A field that is not
 * supported is refused by its name. Error: OIP_CONFIG.
 */
export function tritonConfig(value: unknown, name: string, file: string): ModelConfig {
  const fields = new Fields(value, '', file);
  const given = fields.text('name', name);
  if (given !== name) throw fields.error('name', `is "${given}", the folder is "${name}"`);
  const { platform, backend } = engineOf(fields);
  const maxBatchSize = fields.whole('max_batch_size');
  if (maxBatchSize < 0) throw fields.error('max_batch_size', 'is negative');
  const config: ModelConfig = {
    name,
    platform,
    backend,
    versionPolicy: policyOf(fields.message('version_policy')),
    maxBatchSize,
    inputs: fields.messages('input').map(tensorOf),
    outputs: fields.messages('output').map(tensorOf),
    instances: fields.messages('instance_group').reduce((sum, group) => sum + instancesOf(group), 0) || 1,
    file: fields.text('default_model_filename') || 'model.onnx',
    batching: batchingOf(fields.message('dynamic_batching')),
    sequencing: sequencingOf(fields.message('sequence_batching')),
    ensemble: ensembleOf(fields.message('ensemble_scheduling')),
    warmUps: fields.messages('model_warmup').map((one) => warmUpOf(one)),
    parameters: parametersOf(fields),
    caches: cachesOf(fields.message('response_cache')),
    decoupled: false,
  };
  const policy = fields.message('model_transaction_policy');
  if (policy?.flag('decoupled')) throw policy.error('decoupled', 'is not supported by this server');
  policy?.end();
  fields.end();
  checkFile(fields, config);
  return config;
}

function engineOf(fields: Fields): { readonly platform: string; readonly backend: string } {
  const platform = fields.text('platform');
  const backend = fields.text('backend');
  if (platform === '' && backend === '') return { platform: 'onnxruntime_onnx', backend: 'onnxruntime' };
  if (platform === '') {
    if (backend === 'onnxruntime') return { platform: 'onnxruntime_onnx', backend };
    if (backend === 'identity') return { platform: 'identity', backend };
    throw fields.error('backend', `"${backend}" is not supported by this server`);
  }
  if (!Object.hasOwn(PLATFORMS, platform))
    throw fields.error('platform', `"${platform}" is not supported by this server`);
  return { platform, backend: backend === '' ? PLATFORMS[platform] : backend };
}

/** Files are in the folder of a version. */
function checkFile(fields: Fields, { file }: ModelConfig): void {
  if (/[\\/\0]/.test(file) || file === '..' || file === '.')
    throw fields.error('default_model_filename', 'must be a plain file name');
}

function policyOf(fields: Fields | null): VersionPolicy {
  if (fields === null) return { kind: 'latest', count: 1 };
  const latest = fields.message('latest');
  const all = fields.message('all');
  const specific = fields.message('specific');
  fields.end();
  const count = latest?.whole('num_versions', 1) ?? 1;
  const versions = specific?.wholes('versions') ?? [];
  for (const one of [latest, all, specific]) one?.end();
  if (all !== null) return { kind: 'all' };
  return specific === null ? { kind: 'latest', count: Math.max(1, count) } : { kind: 'specific', versions };
}

/** Reads `TYPE_INT32` of a configuration. */
function configType(fields: Fields, field = 'data_type'): TensorType {
  const written = fields.text(field).replace(/^TYPE_/, '');
  const name = written === 'STRING' ? 'BYTES' : written;
  const known = /^(BOOL|U?INT(8|16|32|64)|FP(16|32|64)|BF16|BYTES)$/;
  if (known.test(name)) return name as TensorType;
  throw fields.error(field, `"${written}" is no type of this server`);
}

function tensorOf(fields: Fields): TensorSpec {
  const name = fields.text('name');
  if (name === '') throw fields.error('name', 'is missing');
  const format = fields.text('format', 'FORMAT_NONE');
  if (format !== 'FORMAT_NONE') throw fields.error('format', `"${format}" is not supported by this server`);
  const shape = fields.wholes('dims');
  if (shape.some((size) => size < -1 || size === 0))
    throw fields.error('dims', 'has a size that is neither -1 nor positive');
  const type = configType(fields);
  for (const flag of ['is_shape_tensor', 'allow_ragged_batch', 'optional', 'is_non_linear_format_io'])
    if (fields.has(flag) && fields.flag(flag)) throw fields.error(flag, 'is not supported by this server');
  if (fields.text('label_filename') !== '') throw fields.error('label_filename', 'is not supported by this server');
  fields.end();
  return { name, type, shape };
}

function instancesOf(fields: Fields): number {
  const kind = fields.text('kind', 'KIND_AUTO');
  fields.text('name');
  if (kind !== 'KIND_CPU' && kind !== 'KIND_AUTO')
    throw fields.error('kind', `"${kind}" is not supported by this server: it runs on the CPU`);
  const count = fields.whole('count', 1);
  fields.end();
  return Math.max(1, count);
}

function batchingOf(fields: Fields | null): Batching | null {
  if (fields === null) return null;
  const byPriority = fields.entries('priority_queue_policy').map(([priority, policy]) => {
    return [Number(priority), queuePolicyOf(fields.nested(policy, 'priority_queue_policy'))] as const;
  });
  const batching: Batching = {
    preferredRows: fields.wholes('preferred_batch_size'),
    delayMs: fields.whole('max_queue_delay_microseconds') / 1_000,
    priorities: fields.whole('priority_levels'),
    defaultPriority: fields.whole('default_priority_level'),
    policy: queuePolicyOf(fields.message('default_queue_policy')),
    byPriority: Object.fromEntries(byPriority),
  };
  fields.flag('preserve_ordering');
  fields.end();
  return batching;
}

function queuePolicyOf(fields: Fields | null): QueuePolicy {
  if (fields === null) return NO_POLICY;
  const action = fields.text('timeout_action', 'REJECT');
  if (action !== 'REJECT' && action !== 'DELAY') throw fields.error('timeout_action', `"${action}" is unknown`);
  const policy: QueuePolicy = {
    timeoutMs: fields.whole('default_timeout_microseconds') / 1_000,
    action: action === 'DELAY' ? 'delay' : 'reject',
    allowsOverride: fields.flag('allow_timeout_override'),
    mostRequests: fields.whole('max_queue_size'),
  };
  fields.end();
  return policy;
}

function ensembleOf(fields: Fields | null): readonly EnsembleStep[] | null {
  if (fields === null) return null;
  const steps = fields.messages('step').map((step): EnsembleStep => {
    const version = step.whole('model_version', -1);
    const names = (field: string) =>
      Object.fromEntries(step.entries(field).map(([from, to]) => [from, String(to)])) as Readonly<
        Record<string, string>
      >;
    const made = {
      model: step.text('model_name'),
      version: version === -1 ? '' : String(version),
      inputs: names('input_map'),
      outputs: names('output_map'),
    };
    if (made.model === '') throw step.error('model_name', 'is missing');
    step.end();
    return made;
  });
  fields.end();
  if (steps.length === 0) throw fields.error('step', 'is missing');
  return steps;
}

function warmUpOf(fields: Fields): WarmUp {
  const inputs = fields.entries('inputs').map(([name, value]) => {
    const input = fields.nested(value, `inputs.${name}`);
    const file = input.text('input_data_file');
    const random = input.flag('random_data');
    input.flag('zero_data');
    const spec = { name, type: configType(input), shape: input.wholes('dims') };
    input.end();
    if (/[\\/\0]/.test(file)) throw input.error('input_data_file', 'must be a plain file name');
    return { ...spec, fill: file !== '' ? { file } : random ? ('random' as const) : ('zero' as const) };
  });
  const warmUp: WarmUp = {
    name: fields.text('name'),
    rows: fields.whole('batch_size'),
    count: Math.max(1, fields.whole('count', 1)),
    inputs,
  };
  fields.end();
  return warmUp;
}

function parametersOf(fields: Fields): Readonly<Record<string, string>> {
  return Object.fromEntries(
    fields.entries('parameters').map(([key, value]) => {
      if (typeof value === 'string') return [key, value];
      const nested = fields.nested(value, 'parameters');
      const text = nested.text('string_value');
      nested.end();
      return [key, text];
    }),
  );
}

function cachesOf(fields: Fields | null): boolean {
  const enabled = fields?.flag('enable') ?? false;
  fields?.end();
  return enabled;
}
