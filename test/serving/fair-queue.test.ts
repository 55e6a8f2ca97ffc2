import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairQueue } from '../../src/versions/queue/fair-queue.ts';

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

interface Row {
  readonly tenant: string;
  readonly priority: number;
  readonly rows: number;
}

function row(tenant: string, rows = 1): Row {
  return { tenant, priority: 1, rows };
}

test('a tenant of which nothing waited is next, in the middle of a round of another', () => {
  const queue = new FairQueue<Row>();
  for (let i = 0; i < 200; i += 1) queue.add(row('busy'));
  for (let i = 0; i < 5; i += 1) queue.take(all);
  for (let i = 0; i < 10; i += 1) {
    queue.add(row('quiet'));
    expect(queue.take(all)?.tenant).toBe('quiet');
    // The busy tenant uses its round up before the quiet one can be first again.
    for (let j = 0; j < 33; j += 1) expect(queue.take(all)?.tenant ?? 'busy').toBe('busy');
    for (let j = 0; j < 33; j += 1) queue.add(row('busy'));
  }
});

test('tenants that come again and again keep none from its share', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }), (quiet, rowsARun) => {
      const queue = new FairQueue<Row>(
        () => 1,
        () => rowsARun,
      );
      for (let i = 0; i < 2_000; i += 1) queue.add(row('busy'));
      const taken = { busy: 0, quiet: 0 };
      for (let i = 0; i < 1_000; i += 1) {
        // Each has one that waits, always.
        for (let one = 0; one < quiet; one += 1) if (queue.rowsOf(`q${one}`) === 0) queue.add(row(`q${one}`));
        taken[queue.take(all)?.tenant === 'busy' ? 'busy' : 'quiet'] += 1;
      }
      // A share of those that ask all the time, less one round of each.
      expect(taken.busy).toBeGreaterThan(1_000 / (quiet + 1) - 2 * rowsARun * (quiet + 1));
      expect(taken.quiet).toBeGreaterThan(0);
    }),
    { numRuns: 60 },
  );
});

test('whatever is added, removed and taken, each item is taken once, and none that was removed', () => {
  const step = fc.record({
    what: fc.constantFrom('add', 'add', 'take', 'remove'),
    tenant: fc.constantFrom('a', 'b', 'c'),
    priority: fc.integer({ min: 1, max: 2 }),
    rows: fc.integer({ min: 1, max: 50 }),
    place: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 64 }), (steps, rowsARun) => {
      const queue = new FairQueue<Row>(
        (tenant) => (tenant === 'a' ? 3 : 1),
        () => rowsARun,
      );
      const waiting = new Set<Row>();
      const takeOne = (): void => {
        const item = queue.take(all);
        expect(item === null).toBe(waiting.size === 0);
        if (item === null) return;
        expect(waiting.delete(item)).toBe(true);
        for (const other of waiting) expect(other.priority).toBeGreaterThanOrEqual(item.priority);
      };
      for (const { what, place, ...item } of steps) {
        if (what === 'take') takeOne();
        else if (what === 'remove') {
          const gone = [...waiting][place % Math.max(1, waiting.size)];
          if (gone !== undefined) expect(queue.remove(gone)).toBe(waiting.delete(gone));
        } else {
          waiting.add(item);
          queue.add(item);
        }
        expect(queue.size).toBe(waiting.size);
        expect(queue.rows).toBe([...waiting].reduce((sum, { rows }) => sum + rows, 0));
      }
      while (waiting.size > 0) takeOne();
      takeOne();
    }),
  );
});
