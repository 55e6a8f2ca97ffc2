import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../until.ts';
import { ended, initProject, lastJson, runCli, startCli } from './run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'headrace-ingest-'));
const shop = join(root, 'shop');

beforeAll(async () => {
  await initProject(root, 'shop');
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
  writeFileSync(join(shop, 'late.csv'), 'id,at,user,price\nl1,2025-02-01T12:00:00Z,ada,1.50\n');
  const late = await runCli(shop, ['ingest', 'purchases', 'late.csv']);
  expect(late).toMatchObject({ code: 0, err: expect.stringContaining('--bootstrap') });
  const said = await runCli(shop, ['ingest', 'purchases', 'none.csv']);
  expect(said.code).toBe(2);
  expect(said.err).toContain('none.csv');
}, 120_000);

test('one call takes the files of several sources, and an unknown source is refused before any event', async () => {
  const at = new Date().toISOString();
  writeFileSync(join(shop, 'seen.csv'), `id,at,user\nsv1,${at},eve\nsv2,${at},eve\n`);
  writeFileSync(join(shop, 'paid.csv'), `id,at,user,price\nsv1,${at},eve,9.00\n`);
  const words = ['visits=seen.csv', 'purchases=paid.csv'];
  const refused = await runCli(shop, ['ingest', ...words, 'nobody=paid.csv', '--json']);
  expect(lastJson(refused)).toMatchObject({ error: { code: 'EVENT_SOURCE' } });
  const taken = await runCli(shop, ['ingest', ...words, '--json']);
  expect(lastJson(taken)).toMatchObject({
    sources: [
      { source: 'visits', rows: 2, accepted: 2, duplicate: 0 },
      { source: 'purchases', rows: 1, accepted: 1, duplicate: 0 },
    ],
  });
  expect((await runCli(shop, ['ingest', 'visits=seen.csv', 'paid.csv'])).err).toContain('CLI_WORDS');
}, 120_000);

test('a file is ingested through the server that has the environment open, each row once and each refusal named', async () => {
  const served = startCli(shop, ['serve', '--port', '0', '--json']);
  const end = ended(served);
  let out = '';
  served.stdout?.on('data', (bytes: Buffer) => {
    out += bytes;
  });
  try {
    await until(() => /"url"/.test(out) || served.exitCode !== null);
    const now = Date.now();
    const rows = Array.from({ length: 700 }, (_, i) => `live${i},${now - i},ada,${i % 7 === 0 ? 'none' : '1.50'}`);
    writeFileSync(join(shop, 'live.csv'), `id,at,user,price\n${rows.join('\n')}\n`);
    const call = ['ingest', 'purchases', 'live.csv', '--json'];
    const first = await runCli(shop, call);
    expect(first).toMatchObject({ code: 0 });
    const shown = { row: 1, code: expect.any(String), message: expect.stringContaining('price') };
    expect(lastJson(first)).toMatchObject({ rows: 700, accepted: 600, duplicate: 0, refused: 100, whole: true });
    expect(lastJson(first)).toMatchObject({ errors: expect.arrayContaining([shown, { ...shown, row: 694 - 7 * 80 }]) });
    expect(lastJson(await runCli(shop, call))).toMatchObject({ rows: 700, accepted: 0, duplicate: 600, refused: 100 });
    const past = await runCli(shop, [...call, '--bootstrap']);
    expect(lastJson(past)).toMatchObject({ error: { code: 'CLI_OPTION' } });
    const unknown = await runCli(shop, ['ingest', 'nobody', 'live.csv', '--json']);
    expect(lastJson(unknown)).toMatchObject({ error: { code: 'EVENT_SOURCE' } });
  } finally {
    served.kill('SIGTERM');
    await end;
  }
}, 240_000);
