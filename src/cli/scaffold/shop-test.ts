/** project.test.ts of the shop. */
export const SHOP_TEST = `import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openHeadrace } from 'headrace';
import project, { purchases, shopper, visits } from './project.ts';

test('a vector counts what a user did within each window, and no event twice', async () => {
  let now = Date.UTC(2026, 3, 29, 12);
  const directory = mkdtempSync(join(tmpdir(), 'shop-'));
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => now });
  try {
    await headrace.ingest(visits, [{ id: 'v1', at: now - 60_000, user: 'ada' }]);
    now = Date.UTC(2026, 4, 1, 12);
    const bought = { id: 'v1', at: now - 60_000, user: 'ada', price: '12.50' };
    await headrace.ingest(purchases, [bought, bought]);
    const { features } = await headrace.vector(shopper, { user: 'ada' });
    assert.equal(features.habits_visits_1d, 0);
    assert.equal(features.habits_visits_7d, 1);
    assert.equal(features.spend_purchases_1h, 1);
    assert.equal(features.spend_spent_7d, '12.50');
  } finally {
    await headrace.close();
    rmSync(directory, { recursive: true });
  }
});
`;
