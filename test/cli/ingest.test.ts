import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastJson, runCli } from './run-cli.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'headrace-ingest-'));
const shop = join(root, 'shop');

beforeAll(async () => {
  expect(await runCli(root, ['init', 'shop'])).toMatchObject({ code: 0 });
  mkdirSync(join(shop, 'node_modules'));
  symlinkSync(REPOSITORY, join(shop, 'node_modules', 'headrace'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a file of last year is taken by one command, under its own column names, and counts', async () => {
  const lines = ['order,when,customer,total'];
  for (let day = 1; day <= 28; day += 1)
    lines.push(`o${day},2025-02-${String(day).padStart(2, '0')}T12:00:00Z,ada,1.50`);
  writeFileSync(join(shop, 'orders.csv'), `${lines.join('\n')}\n`);
  const columns = 'id=order,at=when,user=customer,price=total';
  const call = ['ingest', 'purchases', 'orders.csv', '--columns', columns, '--bootstrap', '--json'];
  const first = await runCli(shop, call);
  expect(first).toMatchObject({ code: 0 });
  expect(lastJson(first)).toMatchObject({ source: 'purchases', rows: 28, accepted: 28, refused: 0, whole: true });
  expect(lastJson(await runCli(shop, call))).toMatchObject({ rows: 28, accepted: 0, duplicate: expect.any(Number) });
  const said = await runCli(shop, ['ingest', 'purchases', 'none.csv']);
  expect(said.code).toBe(2);
  expect(said.err).toContain('none.csv');
}, 120_000);
