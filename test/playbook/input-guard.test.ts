import { expect, test } from 'vitest';
import { type PlaybookModel, playbookPlan } from '../../src/features/define/playbook.ts';
import { inputNumber } from '../../src/model/cell-number.ts';
import { isFaultyNumber, isFaultyValue } from '../../src/playbook/faulty-rows.ts';
import { inputGuard } from '../../src/playbook/input-guard.ts';
import type { FaultyRows } from '../../src/ports/playbook-store.ts';
import { type ColumnSpec, VALUE_TYPES, type Value, type ValueType } from '../../src/schema/column.ts';

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

const APPLIED = { state: 'applied', since: 0, triedTo: null, trial: null, isRefuted: false } as const;

/** The number that a model is fed in place of a faulty feature. */
function fed(type: ValueType, value: unknown): number {
  const plan = playbookPlan(modelOf(type, value));
  const stopped = [{ feature: 'x', to: null, rows: 'all', remedy: APPLIED, isDry: false }] as const;
  const guard =
    plan === null ? null : inputGuard({ features: modelOf(type, value).service.features }, plan, { stopped });
  const [served] = guard?.(['a fault']) ?? [];
  return Number(inputNumber({ type: specs[type], element: type === 'embedding' ? 0 : null }, 'FP64')(served));
}

test.each(VALUE_TYPES)('a model is fed the declared value of a feature of type %s, or a missing one', (type) => {
  for (const value of values[type].fit) expect(fed(type, value), String(value)).toBe(Number(value));
  expect(fed(type, null)).toBeNaN();
});

/** Values of a feature, those that a fault is in, and what the model is fed for each with the declared value 7. */
const rowsOfFaults: readonly (readonly [FaultyRows, readonly Value[], readonly Value[]])[] = [
  ['missing', [null, 1, -1, Number.POSITIVE_INFINITY], [7, 1, -1, Number.POSITIVE_INFINITY]],
  ['infinite', [null, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], [null, 1, 7, 7]],
  ['negative', [null, 0, -0.5, Number.NEGATIVE_INFINITY], [null, 0, 7, 7]],
  [{ equals: -1 }, [null, 1, -1, 0], [null, 1, 7, 0]],
  ['none', [null, 1, -1], [null, 1, -1]],
  ['all', [null, 1, -1], [7, 7, 7]],
];

test.each(rowsOfFaults)(
  'of a fault in %s rows the model gets the declared value there, and sound rows as they are',
  (rows, given, served) => {
    const model = modelOf('float', 7);
    const plan = playbookPlan(model);
    if (plan === null) throw new Error('no plan');
    const guardOf = (stopped: readonly FaultyRows[]) =>
      inputGuard(model.service, plan, {
        stopped: stopped.map((one) => ({ feature: 'x', to: null, rows: one, remedy: APPLIED, isDry: false })),
      });
    expect(given.map((value) => guardOf([rows])?.([value])[0])).toEqual(served);
    // A second fault of the feature adds its own rows.
    const both = given.map((value) => guardOf([rows, 'missing'])?.([value])[0]);
    expect(both).toEqual(served.map((value, i) => (given[i] === null ? 7 : value)));
  },
);

/** Numbers as a vector has them: a 64-bit number is a bigint, a decimal a scaled one. */
const given: Readonly<Partial<Record<ValueType, readonly Value[]>>> = {
  int: [null, 0, -999, 7],
  int64: [null, 0n, -999n, 7n, -(2n ** 62n)],
  decimal: [null, 0n, -99_900n, 700n, -999n, 1n],
  float: [null, 0, -999, 0.1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
};

test.each(Object.entries(given) as readonly (readonly [ValueType, readonly Value[]])[])(
  'a value of type %s is faulty in a vector where the number that a trial reads for it is',
  (type, cells) => {
    const number = inputNumber({ type: specs[type], element: null }, 'FP64');
    let faulty = 0;
    for (const rows of [...rowsOfFaults.map(([kind]) => kind), { equals: -999 }, { equals: 0.01 }]) {
      const [ofVector, ofTrial] = [isFaultyValue(rows, specs[type]), isFaultyNumber(rows)];
      for (const cell of cells) {
        expect(ofVector(cell), `${String(cell)} ${JSON.stringify(rows)}`).toBe(ofTrial(Number(number(cell))));
        faulty += ofVector(cell) ? 1 : 0;
      }
    }
    expect(faulty).toBeGreaterThan(cells.length);
    const code = cells.filter((cell) => isFaultyValue({ equals: -999 }, specs[type])(cell));
    expect(code).toEqual([type === 'decimal' ? -99_900n : type === 'int64' ? -999n : -999]);
  },
);

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
