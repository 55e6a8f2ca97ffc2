import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { trainingCostPage } from '../../scripts/cost/guide.ts';

test('the guide to training cost has the figures that the program prints', async () => {
  expect(readFileSync('docs/guide/training-cost.md', 'utf8')).toBe(await trainingCostPage());
});
