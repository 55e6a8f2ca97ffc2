import { expect, test } from 'vitest';
import { type PlaybookModel, playbookPlan } from '../../src/features/define/playbook.ts';
import { inputGuard } from '../../src/monitoring/playbook/input-guard.ts';
import { modelNumber } from '../../src/registry/model-value.ts';
import { type ColumnSpec, VALUE_TYPES, type ValueType } from '../../src/schema/column.ts';

const specs: Readonly<Record<ValueType, ColumnSpec>> = {
  text: { type: 'text', nullable: true },
  int: { type: 'int', nullable: true },
  int64: { type: 'int64', nullable: true },
  decimal: { type: 'decimal', scale: 2, nullable: true },
  float: { type: 'float', nullable: true },
  bool: { type: 'bool', nullable: true },
  time: { type: 'time', nullable: true },
  list: { type: 'list', element: 'decimal', scale: 2, nullable: true },
  embedding: { type: 'embedding', length: 2, nullable: true },
};

/** What can be declared for each type, and what cannot. */
const values: Readonly<Record<ValueType, { readonly fit: readonly (number | boolean)[]; readonly unfit: unknown[] }>> =
  {
    text: { fit: [], unfit: [0, true] },
    int: { fit: [0, -7, 2 ** 53 - 1], unfit: [0.5, 2 ** 53, false] },
    int64: { fit: [0, 12, -(2 ** 40)], unfit: [0.5, 2 ** 63, true] },
    decimal: { fit: [0, 12.09, -0.5, 1_000_000.25], unfit: [12.095, 2 ** 63, false] },
    float: { fit: [0, 0.1, -1e300], unfit: [true] },
    bool: { fit: [true, false], unfit: [0, 1] },
    time: { fit: [0, 1_700_000_000_000], unfit: [0.5, 9e15, true] },
    list: { fit: [], unfit: [0, true] },
    embedding: { fit: [], unfit: [0, true] },
  };

function modelOf(type: ValueType, value: unknown): PlaybookModel {
  return {
    name: 'm',
    service: { features: [{ name: 'x', type: specs[type] }] },
    train: { windowMs: null },
    playbook: { quality: { defaults: { x: value } } },
  };
}

/** The number that a model is fed in place of a faulty feature. */
function fed(type: ValueType, value: unknown): number {
  const plan = playbookPlan(modelOf(type, value));
  const stopped = [{ feature: 'x', from: 0, to: null, cause: 'c', isDry: false }];
  const guard =
    plan === null ? null : inputGuard({ features: modelOf(type, value).service.features }, plan, { stopped });
  const [served] = guard?.(['a fault']) ?? [];
  return modelNumber(specs[type], type === 'embedding' ? 0 : null)(served);
}

test.each(VALUE_TYPES)('a model is fed the declared value of a feature of type %s, or a missing one', (type) => {
  for (const value of values[type].fit) expect(fed(type, value), String(value)).toBe(Number(value));
  expect(fed(type, null)).toBeNaN();
});

test.each(VALUE_TYPES)('a value that does not fit a feature of type %s is refused', (type) => {
  for (const value of values[type].unfit) {
    const refusal = refusalOf(() => playbookPlan(modelOf(type, value)));
    expect(refusal, String(value)).toMatchObject({ code: 'MODEL_PLAYBOOK' });
    expect(String(refusal)).toContain('feature x takes');
  }
});

function refusalOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
