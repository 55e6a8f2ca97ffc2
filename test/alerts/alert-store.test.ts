import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { copySqlite } from '../../src/backends/embedded/copy-sqlite.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { alertStore } from '../sql-stores.ts';
import { alertRules } from './alert-store-rules.ts';
import { START } from './desk.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-alert-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file of format 1 is read as it was written, and copied whole', async () => {
  const path = join(folder, 'alerts.sqlite');
  copyFileSync(fileURLToPath(new URL('formats/alerts-1.sqlite', import.meta.url)), path);
  const copied = join(folder, 'copied.sqlite');
  copySqlite(path, copied);
  for (const each of [path, copied]) {
    const store = alertStore(each);
    expect(await store.newest(10)).toMatchObject([
      { no: 2, kind: 'dataDrift', state: 'open', severity: 'digest' },
      { no: 1, kind: 'conceptDrift', state: 'resolved', revision: 2, resolution: { reason: 'gone' } },
    ]);
    expect(await store.deliveriesOf(1)).toMatchObject([{ sink: 'files', accepted: 1, wanted: 2, state: 'waiting' }]);
    expect(await store.silences(START)).toMatchObject([{ id: 1, by: 'ada' }]);
    expect(await store.counts()).toEqual([{ sink: 'files', outcome: 'accepted', count: 1 }]);
    await store.close();
  }
});

test.each(alertRules)('incidents in a file keep their rule: $name', async ({ run }) => {
  const path = join(mkdtempSync(join(folder, 'rules-')), 'alerts.sqlite');
  await run(() => alertStore(path));
});

test('a file that is no store of incidents, or a newer one, is refused by code', async () => {
  const foreign = join(folder, 'foreign.sqlite');
  const other = new DatabaseSync(foreign);
  other.exec('CREATE TABLE t (a); PRAGMA user_version = 1');
  other.close();
  expect(() => alertStore(foreign)).toThrow(expect.objectContaining({ code: 'ALERT_FILE' }));
  const text = join(folder, 'text.sqlite');
  writeFileSync(text, 'no database at all, but long enough to be looked at as one'.repeat(50));
  expect(() => alertStore(text)).toThrow(expect.objectContaining({ code: 'ALERT_FILE' }));
  const newer = join(folder, 'newer.sqlite');
  await alertStore(newer).close();
  const database = new DatabaseSync(newer);
  database.exec('PRAGMA user_version = 9');
  database.close();
  expect(() => alertStore(newer)).toThrow(expect.objectContaining({ code: 'ALERT_FORMAT' }));
});

test('of two processes that claim a delivery one gets it, and a writer that holds the file is named', async () => {
  const path = join(folder, 'two.sqlite');
  copyFileSync(fileURLToPath(new URL('formats/alerts-1.sqlite', import.meta.url)), path);
  const [one, two] = [alertStore(path), alertStore(path, { busyTimeoutMs: 1 })];
  const due = await one.due('files', START + 1_000_000);
  expect(due.length).toBe(1);
  expect([await one.claim(due, START, START + 60_000), await two.claim(due, START, START + 60_000)]).toEqual([
    true,
    false,
  ]);
  expect(await two.due('files', START + 1)).toEqual([]);
  expect((await two.due('files', START + 60_000)).length).toBe(1);
  const holder = new DatabaseSync(path);
  holder.exec('BEGIN IMMEDIATE');
  await expect(two.retry(null, START)).rejects.toThrow(expect.objectContaining({ code: 'ALERT_BUSY' }));
  holder.exec('ROLLBACK');
  holder.close();
  await one.prune(START + 1_000_000);
  // Its resolution is not sent yet.
  expect((await one.newest(10)).length).toBe(2);
  await one.close();
  await two.close();
});

const url = 'https://hooks.example.com';
const refusals: readonly (readonly [string, object])[] = [
  ['alerts.routes.0.to: no sink is named', { sinks: { hook: { kind: 'webhook', url } }, routes: [{ to: ['other'] }] }],
  [
    'alertmanager takes no digest',
    { sinks: { am: { kind: 'alertmanager', url } }, routes: [{ to: ['am'], digest: '1d' }] },
  ],
  ['an address has no credentials', { sinks: { hook: { kind: 'webhook', url: 'https://ada:pw@hooks.example.com' } } }],
  ['alerts.sinks.chat.url', { sinks: { chat: { kind: 'slack', url } } }],
  ['alerts.sinks.pager.kind', { sinks: { pager: { kind: 'pager' } } }],
  ['alerts.routes.0.to', { routes: [{ to: [] }] }],
  ['alerts.routes.0.tiers.0', { sinks: { hook: { kind: 'webhook', url } }, routes: [{ tiers: [5], to: ['hook'] }] }],
  ['alerts.giveUpAfter', { giveUpAfter: 'never' }],
];

test.each(refusals)('options are refused where they are written: %s', (reason, alerts) => {
  expect(() => resolveEnvironment('local', { alerts } as never, 'shop')).toThrow(
    expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining(reason) }),
  );
});
