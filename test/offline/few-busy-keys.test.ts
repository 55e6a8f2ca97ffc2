import fc from 'fast-check';
import { test } from 'vitest';
import { everyAggregate } from '../sql/streams.ts';
import { busyStore, busyView, trainsWithoutCuts } from './busy-keys.ts';
import '../seed.ts';

test('any declaration over few busy keys trains in little memory, without a cut, with the answers of a scan', async () => {
  const store = await busyStore({ events: 2_500, memoryLimitBytes: 2 ** 27 });
  const some = fc.subarray([...everyAggregate], { minLength: 4, maxLength: 8 });
  const property = fc.asyncProperty(some, fc.constantFrom('corrected', 'as-known'), async (aggregates, mode) =>
    trainsWithoutCuts(store, busyView(aggregates), mode, 12),
  );
  await fc.assert(property, { numRuns: 4 });
});
