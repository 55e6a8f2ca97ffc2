import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { copySqlite } from '../../src/backends/embedded/copy-sqlite.ts';
import { SqliteDatabase } from '../../src/backends/embedded/registry/sqlite-database.ts';
import { sqliteKinds } from '../../src/backends/embedded/sqlite-kind.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { alertSchema } from '../../src/findings/alerts/alert-schema.ts';
import { SqlAlertStore } from '../../src/findings/alerts/sql-alert-store.ts';
import type { Sql } from '../../src/ports/sql-database.ts';
import { alertStore } from '../sql-stores.ts';
import { alertRules } from './alert-store-rules.ts';
import { START } from './desk.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-alert-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([1, 2])('a file of format %i is read as it was written, and copied whole', async (format) => {
  const path = join(folder, `alerts-${format}.sqlite`);
  copyFileSync(fileURLToPath(new URL(`formats/alerts-${format}.sqlite`, import.meta.url)), path);
  const copied = join(folder, `copied-${format}.sqlite`);
  copySqlite(path, copied);
  for (const each of [path, copied]) {
    const store = alertStore(each);
    expect(await store.newest(10)).toMatchObject([
      { no: 2, kind: 'dataDrift', state: 'open', severity: 'digest' },
      { no: 1, kind: 'conceptDrift', state: 'resolved', revision: 2, resolution: { reason: 'gone' } },
    ]);
    expect(await store.newest(10, { model: 'fraud', kind: 'conceptDrift', isOpen: false })).toMatchObject([{ no: 1 }]);
    expect(await store.deliveriesOf(1)).toMatchObject([{ sink: 'files', accepted: 1, wanted: 2, state: 'waiting' }]);
    expect(await store.silences(START)).toMatchObject([{ id: 1, by: 'ada' }]);
    expect(await store.counts()).toEqual([{ sink: 'files', outcome: 'accepted', count: 1 }]);
    await store.close();
  }
});

test('a file of format 1 and a new one have the same tables and indexes', async () => {
  const path = join(folder, 'upgraded.sqlite');
  copyFileSync(fileURLToPath(new URL('formats/alerts-1.sqlite', import.meta.url)), path);
  const made = join(folder, 'made.sqlite');
  const shapes = [];
  for (const each of [path, made]) {
    await alertStore(each).close();
    const database = new DatabaseSync(each);
    const rows = database
      .prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name")
      .all();
    shapes.push(rows.map(({ name, sql }) => [name, String(sql).replaceAll(/\s+/g, ' ')]));
    database.close();
  }
  expect(shapes[0]).toEqual(shapes[1]);
});

test('an upgrade that ends in the middle changes nothing, and the next program upgrades', async () => {
  const path = join(folder, 'torn.sqlite');
  copyFileSync(fileURLToPath(new URL('formats/alerts-1.sqlite', import.meta.url)), path);
  const torn = { ...alertSchema, upgrade: () => [...alertSchema.upgrade(1, 'sqlite'), 'a process that ends'] };
  expect(() => new SqliteDatabase(path, torn, { kind: sqliteKinds.alerts })).toThrow();
  const database = new DatabaseSync(path);
  expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
  expect(database.prepare("SELECT name FROM pragma_table_info('incidents') WHERE name = 'model'").all()).toEqual([]);
  database.close();
  const store = alertStore(path);
  expect(await store.newest(1, { model: 'fraud' })).toHaveLength(1);
  await store.close();
});

test('no query of the server reads the settled incidents and messages', () => {
  const database = new DatabaseSync(':memory:');
  for (const statement of alertSchema.create('sqlite')) database.exec(statement);
  const plans: string[] = [];
  const sql: Sql = {
    all: async (statement, values = []) => {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all(...values);
      plans.push(...plan.map(({ detail }) => String(detail)));
      return [];
    },
    run: async () => 0,
  };
  const work = <T>(run: (sql: Sql) => Promise<T>) => run(sql);
  const { dialect } = new SqliteDatabase(':memory:', alertSchema, { kind: sqliteKinds.alerts });
  const store = new SqlAlertStore({ dialect, read: work, write: work, close: async () => undefined });
  const filters = fc.record({
    model: fc.option(fc.constant('fraud'), { nil: undefined }),
    kind: fc.option(fc.constant('dataDrift' as const), { nil: undefined }),
    isOpen: fc.option(fc.boolean(), { nil: undefined }),
    before: fc.option(fc.nat(), { nil: undefined }),
  });
  fc.assert(fc.property(filters, (filter) => void store.newest(50, filter)));
  // A page ends with its last row: nothing is sorted.
  expect(plans.filter((plan) => plan.includes('TEMP B-TREE'))).toEqual([]);
  void [store.unsettled(), store.due('hook', START), store.active(), store.openCount(), store.incident(1)];
  expect(plans).toContain('SCAN deliveries USING INDEX deliveries_unsettled');
  expect(plans.filter((plan) => plan === 'SCAN deliveries')).toEqual([]);
  database.close();
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
