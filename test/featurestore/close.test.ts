import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { servedTable } from '../../src/features/plan/served-table.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { openHistory } from '../../src/site/open-history.ts';
import { project, purchases } from '../server/shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-close-'));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a project that is closed has in its history what was ingested, and the vectors that it logged', async () => {
  const environment = { directory, sampleRate: 1 };
  const headrace = await openHeadrace({ project, environment });
  const events = Array.from({ length: 20 }, (_, i) => ({
    id: `e${i}`,
    at: Date.now() - i,
    user: 'ann',
    price: 1.25,
    number: i,
  }));
  await headrace.ingest(headrace.source('purchases'), events);
  const shopper = headrace.service('shopper');
  for (let i = 0; i < 5; i += 1) await headrace.vector(shopper, { user: 'ann', price: 1 });
  await headrace.close();
  const history = await openHistory(resolveEnvironment('local', environment, project.name), 'read');
  const counted: number[] = [];
  for (const table of [rawTable(purchases), servedTable(shopper)])
    for await (const [row] of history.query(`SELECT count(*) FROM ${history.relation(table)} AS t`))
      counted.push(Number(row?.[0]));
  await history.close();
  expect(counted).toEqual([20, 5]);
});

test('every call to close gives the outcome of the first, at the same time and later', async () => {
  const headrace = await openHeadrace({ project, environment: { directory } });
  const first = headrace.close();
  expect(headrace.close()).toBe(first);
  await first;
  expect(headrace.close()).toBe(first);
});
