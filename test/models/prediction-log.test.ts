import { expect, test } from 'vitest';
import { PredictionLog, predictionTable } from '../../src/serving/online/prediction-log.ts';
import { small } from './small-project.ts';

const prediction = (id: string) => ({
  id,
  model: 'small',
  version: 3,
  score: 0.25,
  at: 1_000,
  ages: { streaming: 12.4, batch: Number.POSITIVE_INFINITY },
  missing: 2,
});

test('every prediction is drained once, in order, as rows of its table', () => {
  const log = new PredictionLog(small);
  log.add(prediction('a'));
  log.add(prediction('b'));
  expect(log.waiting).toBe(2);
  const { table, rows, columns } = log.drain();
  expect(table).toEqual(predictionTable(small));
  expect(rows).toBe(2);
  const names = Object.keys(table.columns);
  expect(Object.fromEntries(names.map((name, i) => [name, columns[i]]))).toEqual({
    id: ['a', 'b'],
    at: [1_000, 1_000],
    version: [3, 3],
    score: [0.25, 0.25],
    streaming_age: [12, 12],
    // Never computed: there is no age.
    batch_age: [null, null],
    missing: [2, 2],
  });
  expect(log.drain().rows).toBe(0);
});

test('what could not be published goes before what came since', () => {
  const log = new PredictionLog(small);
  log.add(prediction('a'));
  const drained = log.drain();
  log.add(prediction('b'));
  log.takeBack(drained);
  expect(log.waiting).toBe(2);
  expect(log.drain().columns[0]).toEqual(['a', 'b']);
});
