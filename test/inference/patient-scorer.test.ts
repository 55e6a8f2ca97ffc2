import { expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { scoreRange } from '../../src/serving/batch/score-range.ts';
import { openPatiently, patientScorer } from '../../src/versions/load/patient-scorer.ts';
import { fedRows, singles } from '../models/fed-rows.ts';

const of = { model: 'm', version: 1 };
const down = () => fail('PYTHON_DOWN', { ...of, reason: 'it ended' });
const ended = () => fail('PYTHON_ENDED', { ...of, reason: 'signal SIGKILL' });

const zeros = (rows: number) => fedRows({ inputs: singles(1) }, new Float32Array(rows));
const numbered = (rows: number) =>
  fedRows(
    { inputs: singles(1) },
    Array.from({ length: rows }, (_, i) => i),
  );

const has = (numbers: ArrayLike<number | bigint>, number: number) => Array.from(numbers).includes(number);

/** A scorer whose runs fail with these errors, one after the other, and then succeed. */
function failing(errors: readonly Error[]) {
  const left = [...errors];
  let runs = 0;
  const scorer = patientScorer(
    {
      inputs: singles(1),
      run: async ({ rows }) => {
        runs += 1;
        const error = left.shift();
        if (error !== undefined) throw error;
        return new Float64Array(rows).fill(0.5);
      },
      close: async () => undefined,
    },
    async () => undefined,
  );
  return { scorer, runs: () => runs };
}

test('a run waits for the next worker, however the last one ended', async () => {
  const { scorer, runs } = failing([down(), down(), down()]);
  expect([...(await scorer.run(zeros(3)))]).toEqual([0.5, 0.5, 0.5]);
  expect(runs()).toBe(4);
});

test.each([
  [1, 4],
  [8, 4],
  [64, 4],
  [512, 4],
  [4_096, 5],
])(
  'among %i rows one is at fault when runs that had it ended %i processes, one less costs no row',
  async (rows, most) => {
    for (const kills of [most - 1, most]) {
      const { scorer } = failing(Array.from({ length: kills }, ended));
      const { rejected } = await scoreRange({
        rows: zeros(rows),
        model: scorer,
        batchRows: rows,
        suspect: null,
        rejected: new Map(),
        onRun: () => undefined,
        onReject: () => undefined,
      });
      expect([...rejected]).toEqual(kills < most ? [] : [[0, expect.objectContaining({ code: 'MODEL_CRASH' })]]);
    }
  },
);

test('a process that ends while it loads is started again, four times at most; other errors are not tried again', async () => {
  const opening = (errors: readonly Error[]) => {
    const left = [...errors];
    return openPatiently(async () => {
      const error = left.shift();
      if (error !== undefined) throw error;
      return left.length;
    });
  };
  expect(await opening([ended(), ended(), ended()])).toBe(0);
  await expect(opening([ended(), ended(), ended(), ended()])).rejects.toMatchObject({ code: 'PYTHON_ENDED' });
  await expect(opening([down()])).rejects.toMatchObject({ code: 'PYTHON_DOWN' });
});

test('a row that ends a process costs few of them: those around it are cut into eight pieces', async () => {
  let ends = 0;
  const { rejected } = await scoreRange({
    rows: numbered(4_096),
    model: {
      inputs: singles(1),
      run: async ({ rows, data: [numbers] }) => {
        if (!has(numbers, 3_333)) return new Float64Array(rows);
        ends += 1;
        throw ended();
      },
    },
    batchRows: 4_096,
    suspect: null,
    rejected: new Map(),
    onRun: () => undefined,
    onReject: () => undefined,
  });
  expect([...rejected.keys()]).toEqual([3_333]);
  expect(ends).toBe(5);
});

test('a model without a worker for too long fails the attempt, and rejects no row', async () => {
  const { scorer } = failing(Array.from({ length: 1_000 }, down));
  const rejected: number[] = [];
  const scored = scoreRange({
    rows: zeros(4),
    model: scorer,
    batchRows: 4,
    suspect: null,
    rejected: new Map(),
    onRun: () => undefined,
    onReject: (count) => rejected.push(count),
  });
  await expect(scored).rejects.toMatchObject({ code: 'PYTHON_DOWN' });
  expect(rejected).toEqual([]);
});

test.each([
  ['PYTHON_ENDED', 'MODEL_CRASH', ended()],
  ['PYTHON_LIMIT', 'MODEL_CRASH', fail('PYTHON_LIMIT', { ...of, used: '2', allowed: '1', what: 'GiB' })],
  ['PYTHON_TIME', 'MODEL_HANG', fail('PYTHON_TIME', { ...of, limitMs: 1 })],
  ['an error of the model', 'MODEL_RUN', new Error('no')],
] as const)('a row whose run alone fails with %s is rejected as %s', async (_, code, error) => {
  const { rejected } = await scoreRange({
    rows: numbered(3),
    model: {
      inputs: singles(1),
      run: async ({ rows, data: [numbers] }) => {
        if (has(numbers, 1)) throw error;
        return new Float64Array(rows);
      },
    },
    batchRows: 3,
    suspect: null,
    rejected: new Map(),
    onRun: () => undefined,
    onReject: () => undefined,
  });
  expect([...rejected].map(([row, rejection]) => [row, rejection.code])).toEqual([[1, code]]);
});
