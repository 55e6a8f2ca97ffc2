import type { TensorType } from '../../schema/tensor.ts';
import type { Fields } from './config-fields.ts';
import type { SequenceControl, Sequencing } from './model-config.ts';

/** Triton's own default, ms. */
const IDLE_MS = 1_000;
const MOST_SEQUENCES = 1_024;

const VALUES = { int32_false_true: 'INT32', fp32_false_true: 'FP32', bool_false_true: 'BOOL' } as const;

/** Reads how the requests of sequences are kept together. Error: OIP_CONFIG. */
export function sequencingOf(fields: Fields | null): Sequencing | null {
  if (fields === null) return null;
  const idle = fields.whole('max_sequence_idle_microseconds');
  const controls = fields.messages('control_input').map(controlOf);
  const direct = fields.message('direct');
  direct?.whole('max_queue_delay_microseconds');
  direct?.end();
  const oldest = fields.message('oldest');
  const candidates = oldest?.whole('max_candidate_sequences') ?? 0;
  // Requests of a sequence run in order; how long a batch of several sequences is waited for makes no answer another.
  oldest?.whole('max_queue_delay_microseconds');
  oldest?.wholes('preferred_batch_size');
  oldest?.flag('preserve_ordering');
  oldest?.end();
  fields.end();
  return {
    idleMs: idle > 0 ? idle / 1_000 : IDLE_MS,
    controls,
    mostSequences: candidates > 0 ? candidates : MOST_SEQUENCES,
  };
}

function controlOf(fields: Fields): SequenceControl {
  const name = fields.text('name');
  const [control, ...more] = fields.messages('control');
  if (control === undefined || more.length > 0) throw fields.error('control', 'must occur once');
  const kind = control.text('kind').replace(/^CONTROL_SEQUENCE_/, '');
  if (kind !== 'START' && kind !== 'READY' && kind !== 'END' && kind !== 'CORRID')
    throw control.error('kind', `"${kind}" is unknown`);
  const made = kind === 'CORRID' ? corrId(control, name) : falseTrue(control, name, kind);
  control.end();
  fields.end();
  return made;
}

function corrId(control: Fields, name: string): SequenceControl {
  const type = control
    .text('data_type')
    .replace(/^TYPE_/, '')
    .replace('STRING', 'BYTES');
  if (!['UINT64', 'INT64', 'UINT32', 'INT32', 'BYTES'].includes(type))
    throw control.error('data_type', `"${type}" is no type of a correlation id`);
  return { name, kind: 'CORRID', falseTrue: null, type: type as TensorType };
}

function falseTrue(control: Fields, name: string, kind: 'START' | 'READY' | 'END'): SequenceControl {
  for (const [field, type] of Object.entries(VALUES)) {
    if (!control.has(field)) continue;
    const [no, yes] = control.many(field).map((value) => Number(value === 'true' ? 1 : value === 'false' ? 0 : value));
    return { name, kind, falseTrue: [no ?? 0, yes ?? 1], type };
  }
  throw control.error('kind', 'has no int32_false_true, fp32_false_true or bool_false_true');
}
