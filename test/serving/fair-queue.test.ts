import { expect, test } from 'vitest';
import { FairQueue } from '../../src/serving/runtime/fair-queue.ts';

const all = () => true;

/** The tenants of the next items, with 200 of a busy tenant before 2 of another. */
function order(rowsARun: number, rows: number): readonly string[] {
  const queue = new FairQueue<{ readonly tenant: string; readonly priority: number; readonly rows: number }>(
    () => 1,
    () => rowsARun,
  );
  for (let i = 0; i < 200; i += 1) queue.add({ tenant: 'busy', priority: 1, rows });
  const first = Array.from({ length: 5 }, () => queue.take(all)?.tenant ?? '');
  for (let i = 0; i < 2; i += 1) queue.add({ tenant: 'quiet', priority: 1, rows });
  return [...first, ...Array.from({ length: 100 }, () => queue.take(all)?.tenant ?? '')].slice(5);
}

test('where a run has one row, a tenant waits for no more than one run of another', () => {
  const taken = order(1, 1);
  expect(taken.indexOf('quiet')).toBeLessThanOrEqual(1);
  expect(taken.slice(0, 5).filter((tenant) => tenant === 'quiet')).toHaveLength(2);
});

test('where a run has many rows, a tenant waits for the rest of one round', () => {
  expect(order(512, 1).indexOf('quiet')).toBeLessThanOrEqual(32);
  expect(order(512, 64).indexOf('quiet')).toBeLessThanOrEqual(2);
});
