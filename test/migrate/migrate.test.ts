import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { createKey, readKeys } from '../../src/operating/api-keys.ts';
import { audited } from '../../src/operating/audit-log.ts';
import { checkMigration, readJournal, readMoved } from '../../src/operating/migrate/migration-files.ts';
import { untilNoneBehind } from '../../src/operating/migrate/until-none-behind.ts';
import type { ModelRegistry } from '../../src/ports/model-registry.ts';
import { Migration } from '../../src/running/migration/migration.ts';
import { openReader } from '../../src/running/reader.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { runCli } from '../cli/run-cli.ts';
import { byUser } from '../loop/shop.ts';
import { runs } from '../runs.ts';
import { MovingShop, project as movingProject, type Sent, USERS } from './moving-shop.ts';

const ending: (() => unknown)[] = [];

afterEach(() => {
  for (const end of ending.splice(0).reverse()) end();
});

function movingShop(...environments: ConstructorParameters<typeof MovingShop>): MovingShop {
  const shop = new MovingShop(...environments);
  ending.push(() => shop.end());
  return shop;
}

let number = 0;

function some(shop: MovingShop, amount: number): readonly Sent[] {
  return Array.from({ length: amount }, () => {
    number += 1;
    shop.now += 500;
    return {
      purchase: `p${number}`,
      at: shop.now - 100,
      user: USERS[number % USERS.length],
      item: `i${number % 7}`,
      cents: (number * 37) % 900,
    };
  });
}

test('a project moves while it runs, answers the same, and comes back with what it took meanwhile', async () => {
  const shop = movingShop({}, { partitions: 4 });
  const old = await shop.open('from');
  await shop.send(old, some(shop, 300));
  for (const order of ['o', 'oo', 'o', 'ooo', 'oo']) await shop.change(old, order);
  const customer = old.project.views.find(({ name }) => name === 'customer');
  if (customer?.kind !== 'batchView') throw new Error('no batch view');
  await old.backfill(customer);
  await shop.answers(old);
  await old.flush();
  await shop.send(old, some(shop, 50));
  const first = await shop.migrating(async (migration) => ({
    sources: await migration.copy(),
    compared: await migration.compare(),
  }));
  // What was not published yet is left for the next time.
  expect(first.sources).toEqual([
    { source: 'orders', deliveries: 5, lost: 0 },
    { source: 'purchases', deliveries: 300, lost: 0 },
  ]);
  expect(first.compared).toMatchObject({ answers: 4 + 2, moving: 0 });
  await old.flush();
  await shop.send(old, some(shop, 50));
  await shop.change(old, 'ooo');
  const answers = await shop.answers(old);
  await old.close();

  const done = await shop.migrating((migration) => migration.cutOver());
  expect(done?.sources.map(({ deliveries }) => deliveries)).toEqual([1, 100]);
  const tables = done?.tables.map(({ name }) => name).sort();
  expect(tables).toEqual([
    'batch/customer@1',
    'profiles/visited@1',
    'profiles/visitor@1',
    'served/visited@1',
    'served/visitor@1',
  ]);
  // The keys of the views, and the logged requests.
  expect(done?.compared.answers).toBe(4 + 2 + 4 + 2 * (4 + 2));
  await expect(shop.open('from')).rejects.toMatchObject({ code: 'MIGRATE_MOVED' });
  expect(await shop.migrating((migration) => migration.cutOver())).toBe(null);

  const moved = await shop.open('to');
  expect(await shop.answers(moved)).toEqual(answers);
  await shop.send(moved, some(shop, 40));
  for (const order of ['o', 'oo']) await shop.change(moved, order);
  const later = await shop.answers(moved);
  expect(later).not.toEqual(answers);
  const all = await shop.deliveries(moved);
  await moved.close();

  const { sources } = await shop.migrating((migration) => migration.rollBack());
  expect(sources?.map(({ deliveries }) => deliveries)).toEqual([2, 40]);
  const back = await shop.open('from');
  expect(await shop.answers(back)).toEqual(later);
  expect(await shop.deliveries(back)).toEqual(all);
  await back.close();
  expect(readdirSync(shop.to.directory)).toEqual(['migration.lock']);
  expect(shop.faults).toEqual([]);
});

/** What happens to a project that is migrated: events of every kind, publishes, copies that are cut short. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      events: fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy' as const), failAfter: fc.nat(3) }) },
);

/** An event of a number: one in four repeats an id, with its own or with other content; one in five is late, or too late. */
function eventOf(shop: MovingShop, seed: number): Sent {
  const purchase = seed % 4 === 0 ? `p${number - (seed % 9)}` : `p${++number}`;
  const lateMs = seed % 5 === 0 ? (seed % 20) * 60_000 : seed % 1_000;
  return { purchase, at: shop.now - lateMs, user: USERS[seed % 3], item: `i${seed % 7}`, cents: seed % 900 };
}

test('whatever came, and wherever a migration was cut short, the new environment answers as the old one, and the way back has all', {
  timeout: 600_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 8 }),
      fc.constantFrom(1, 2, 3),
      fc.array(fc.nat(4), { maxLength: 2 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
      async (steps, times, cuts, after) => {
        number = 100;
        const shop = new MovingShop({}, { partitions: 2 * times });
        const untilDone = async <T>(failures: readonly number[], work: () => Promise<T>): Promise<T> => {
          shop.failAfter = [...failures];
          for (;;) {
            try {
              return await work();
            } catch (error) {
              if (!(error instanceof Error && error.message === 'stopped by the test')) throw error;
            }
          }
        };
        const send = async (headrace: Awaited<ReturnType<MovingShop['open']>>, seeds: readonly number[]) => {
          for (const seed of seeds) {
            shop.now += seed % 5_000;
            await shop.send(headrace, [eventOf(shop, seed)]);
            if (seed % 3 === 0) await shop.change(headrace, 'o'.repeat(1 + (seed % 5)));
          }
        };
        try {
          let old = await shop.open('from');
          for (const each of steps) {
            if (each.kind === 'send') await send(old, each.events);
            else if (each.kind === 'flush') await old.flush();
            else if (each.kind === 'reopen') {
              await old.close();
              old = await shop.open('from');
            } else {
              shop.failAfter = [each.failAfter];
              await shop
                .migrating((migration) => migration.copy())
                .catch((error: Error) => {
                  if (error.message !== 'stopped by the test') throw error;
                });
              shop.failAfter = [];
            }
          }
          const answers = await shop.answers(old);
          const deliveries = await shop.deliveries(old);
          await old.close();
          await untilDone(cuts, () => shop.migrating((migration) => migration.cutOver()));
          const moved = await shop.open('to');
          expect(await shop.answers(moved)).toEqual(answers);
          expect(await shop.deliveries(moved)).toEqual(deliveries);
          await send(moved, after);
          const [later, all] = [await shop.answers(moved), await shop.deliveries(moved)];
          await moved.close();
          await untilDone(cuts, () => shop.migrating((migration) => migration.rollBack()));
          const back = await shop.open('from');
          expect(await shop.answers(back)).toEqual(later);
          expect(await shop.deliveries(back)).toEqual(all);
          await back.close();
          expect(shop.faults).toEqual([]);
        } finally {
          shop.end();
        }
      },
    ),
    { numRuns: runs(2, 50) },
  );
});

test('what cannot be migrated is refused, and nothing is changed', async () => {
  const shop = movingShop();
  const migrate = () => shop.migrating((migration) => migration.copy());
  await expect(migrate()).rejects.toMatchObject({ code: 'MIGRATE_NOTHING', exit: 2 });
  const old = await shop.open('from');
  await shop.send(old, some(shop, 20));
  await old.flush();
  await expect(shop.migrating((migration) => migration.rollBack())).rejects.toMatchObject({ code: 'MIGRATE_NONE' });
  await expect(shop.migrating(() => shop.migrating((migration) => migration.copy()))).rejects.toMatchObject({
    code: 'MIGRATE_LOCKED',
  });
  await (await shop.open('to')).close();
  await expect(migrate()).rejects.toMatchObject({ code: 'MIGRATE_TARGET' });
  await old.close();
});

test('two environments of one directory, or of one namespace of one Redis, are no two', async () => {
  const refused = (...environments: ConstructorParameters<typeof MovingShop>) =>
    expect(movingShop(...environments).migrating(async () => undefined)).rejects.toMatchObject({
      code: 'MIGRATE_SAME',
    });
  await refused({ directory: 'x' }, { directory: './x' });
  await refused(
    { online: { kind: 'redis', url: ['redis://a:1', 'redis://b:1'] } },
    { online: { kind: 'redis', url: 'redis://b:1' } },
  );
});

test('a number of partitions that would mix those of the old log is refused', async () => {
  const shop = movingShop({ partitions: 2 }, { partitions: 3 });
  await (await shop.open('from')).close();
  await expect(shop.migrating((migration) => migration.copy())).rejects.toMatchObject({ code: 'MIGRATE_PARTITIONS' });
});

test('a declaration that the old environment does not run with is refused', async () => {
  const shop = movingShop();
  await (await shop.open('from')).close();
  const { from, to } = shop;
  const project = { ...movingProject, services: [] };
  const migration = Migration.open({ project, from, to, clock: () => shop.now, tell: () => {}, onFault: () => {} });
  await expect(migration.copy()).rejects.toMatchObject({ code: 'MIGRATE_DECLARATION' });
  migration.close();
});

test('before the cut-over the new environment takes no events of its own, and neither side is cut over while it runs', async () => {
  const shop = movingShop();
  const old = await shop.open('from');
  await shop.send(old, some(shop, 20));
  await old.flush();
  await shop.migrating((migration) => migration.copy());
  await expect(shop.open('to')).rejects.toMatchObject({ code: 'MIGRATE_UNFINISHED' });
  await expect(shop.migrating((migration) => migration.cutOver())).rejects.toMatchObject({
    code: 'MIGRATE_SOURCE_RUNS',
    retry: 'later',
  });
  await old.close();
  await shop.migrating((migration) => migration.cutOver());
  await expect(shop.migrating((migration) => migration.copy())).rejects.toMatchObject({ code: 'MIGRATE_DONE' });
  await expect(
    openReader({ project: movingProject, environment: { directory: shop.from.directory } }),
  ).rejects.toMatchObject({
    code: 'MIGRATE_MOVED',
  });
  const moved = await shop.open('to');
  await expect(shop.migrating((migration) => migration.rollBack())).rejects.toMatchObject({
    code: 'MIGRATE_TARGET_RUNS',
  });
  await moved.close();
});

test('a migration that was not cut over is taken back without a trace', async () => {
  const shop = movingShop();
  const old = await shop.open('from');
  await shop.send(old, some(shop, 20));
  await old.flush();
  await shop.migrating((migration) => migration.copy());
  expect(await shop.migrating((migration) => migration.rollBack())).toEqual({ sources: null });
  expect(readdirSync(shop.to.directory)).toEqual(['migration.lock']);
  await old.close();
});

test('a new log that somebody else wrote to is not taken for a copy', async () => {
  const shop = movingShop();
  const old = await shop.open('from');
  await shop.send(old, some(shop, 20));
  await old.flush();
  await shop.migrating((migration) => migration.copy());
  const journal = readFileSync(join(shop.to.directory, 'migration.json'));
  rmSync(join(shop.to.directory, 'migration.json'));
  const own = await shop.open('to');
  await shop.send(own, some(shop, 1));
  await own.close();
  writeFileSync(join(shop.to.directory, 'migration.json'), journal);
  await expect(shop.migrating((migration) => migration.copy())).rejects.toMatchObject({
    code: 'MIGRATE_FOREIGN',
    facts: { source: 'purchases' },
  });
  await shop.send(old, some(shop, 5));
  await old.close();
  await expect(shop.migrating((migration) => migration.cutOver())).rejects.toMatchObject({ code: 'MIGRATE_FOREIGN' });
  expect(existsSync(join(shop.from.directory, 'moved.json'))).toBe(false);
});

test('answers that differ hinder the cut-over, and are reported with both values', async () => {
  const shop = movingShop();
  const old = await shop.open('from');
  await shop.send(old, some(shop, 40));
  await old.close();
  await shop.migrating((migration) => migration.copy());
  // A tile of the old environment that no event explains.
  const online = openOnlineStore({ path: join(shop.from.directory, 'online') });
  const layout = tileLayout(byUser);
  const horizons = byUser.hopsMs.map((hopMs) => ({ hopMs, endedBefore: shop.now + 86_400_000 }));
  await online.dropTiles([{ layout, horizons }]);
  await online.close();
  await expect(shop.migrating((migration) => migration.cutOver())).rejects.toMatchObject({
    code: 'MIGRATE_DIFFERS',
    facts: { differing: 4 },
  });
  expect(
    shop.told.some((line) =>
      /^n_1h of view by_user@1 for \{"user":"\w+"\} is 0 in the old environment, 10 in the new one$/.test(line),
    ),
  ).toBe(true);
  await (await shop.open('from')).close();
});

test('what was forgotten after a migration began is not brought back by it', async () => {
  const shop = movingShop();
  const old = await shop.open('from');
  await shop.send(old, some(shop, 20));
  await old.flush();
  await shop.migrating((migration) => migration.copy());
  const entry = { who: 'user x', what: 'forget', target: 'user' };
  await audited(
    shop.from.directory,
    entry,
    () => shop.now,
    () => old.forget('user', { user: 'ann' }),
  );
  await old.close();
  await expect(shop.migrating((migration) => migration.cutOver())).rejects.toMatchObject({ code: 'MIGRATE_FORGOTTEN' });
  await shop.migrating((migration) => migration.rollBack());
  shop.now += 1_000;
  await shop.migrating((migration) => migration.cutOver());
  const moved = await shop.open('to');
  expect((await shop.deliveries(moved)).length).toBe(15);
  await moved.close();
});

test('a directory that another environment moves to is refused', async () => {
  const shop = movingShop();
  await (await shop.open('from')).close();
  await shop.migrating((migration) => migration.copy());
  const other = movingShop({}, { directory: shop.to.directory });
  await (await other.open('from')).close();
  await expect(other.migrating((migration) => migration.copy())).rejects.toMatchObject({
    code: 'MIGRATE_OTHER',
    facts: { from: shop.from.directory },
  });
});

test('models, their aliases and files, and API keys go along, and what was made of them meanwhile comes back', async () => {
  const shop = movingShop();
  await (await shop.open('from')).close();
  const inside = async <T>(
    directory: string,
    work: (registry: ModelRegistry, artifacts: FileArtifactStore) => Promise<T>,
  ): Promise<T> => {
    const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
    try {
      return await work(registry, new FileArtifactStore(join(directory, 'artifacts')));
    } finally {
      await registry.close();
    }
  };
  const digest = await inside(shop.from.directory, async (registry, artifacts) => {
    await registry.register(newVersion('m'));
    await registry.moveAlias('m', 'champion', { expected: null, to: 1, at: shop.now });
    return artifacts.put(new TextEncoder().encode('a model'));
  });
  createKey(shop.from.directory, { name: 'web', scopes: ['read'], now: shop.now });
  await shop.migrating((migration) => migration.cutOver());
  await inside(shop.to.directory, async (registry, artifacts) => {
    expect(await registry.alias('m', 'champion')).toBe(1);
    expect(new TextDecoder().decode(artifacts.get(digest))).toBe('a model');
    await registry.register(newVersion('m'));
    await registry.moveAlias('m', 'champion', { expected: 1, to: 2, at: shop.now });
  });
  expect(readKeys(shop.to.directory)).toEqual(readKeys(shop.from.directory));
  createKey(shop.to.directory, { name: 'other', scopes: ['read'], now: shop.now });
  await shop.migrating((migration) => migration.rollBack());
  await inside(shop.from.directory, async (registry) => {
    expect((await registry.versions('m')).map(({ version }) => version)).toEqual([1, 2]);
    expect(await registry.alias('m', 'champion')).toBe(2);
  });
  expect(readKeys(shop.from.directory).map(({ name }) => name)).toEqual(['web', 'other']);
});

test('of two migrations of one environment, taking back the one leaves what the other did', async () => {
  const shop = movingShop();
  const old = await shop.open('from');
  await shop.send(old, some(shop, 20));
  await old.close();
  const other = movingShop({ directory: shop.from.directory });
  await other.migrating((migration) => migration.copy());
  await shop.migrating((migration) => migration.cutOver());
  await expect(other.migrating((migration) => migration.cutOver())).rejects.toMatchObject({ code: 'MIGRATE_DONE' });
  expect(await other.migrating((migration) => migration.rollBack())).toEqual({ sources: null });
  await expect(shop.open('from')).rejects.toMatchObject({ code: 'MIGRATE_MOVED', facts: { to: shop.to.directory } });
  const moved = await shop.open('to');
  expect((await shop.deliveries(moved)).length).toBe(20);
  await moved.close();
});

test('an engine that makes no tiles any more is not waited for for ever', async () => {
  const left = [5, 3, 3];
  const told: number[] = [];
  const waiting = untilNoneBehind(
    async () => left.shift() ?? 3,
    10,
    (behind) => told.push(behind),
  );
  await expect(waiting).rejects.toMatchObject({ code: 'MIGRATE_BEHIND', retry: 'later', facts: { behind: 3 } });
  expect(told).toEqual([5]);
});

test('a file of a migration that cannot be read is named', async () => {
  const shop = movingShop();
  await (await shop.open('from')).close();
  await shop.migrating((migration) => migration.copy());
  const path = join(shop.to.directory, 'migration.json');
  writeFileSync(path, '{}');
  await expect(shop.migrating((migration) => migration.copy())).rejects.toMatchObject({
    code: 'MIGRATE_FILE',
    facts: { path },
  });
});

test('the files of a migration of the first format are read for ever', () => {
  const directory = fileURLToPath(new URL('../fixtures/migration-1', import.meta.url));
  expect(readJournal(directory)).toMatchObject({
    movedAt: 1_700_000_060_000,
    copied: { 'clicks@1': { next: [120, 118] } },
  });
  expect(readMoved(directory)).toMatchObject({
    to: '.headrace/shop-kafka',
    returned: { 'clicks@1': { ends: [121, 118] } },
  });
  expect(() => checkMigration(directory)).toThrow('moved from');
});

test('the command line goes through a whole migration, says what comes next, and what it refuses', {
  timeout: 600_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-cli-'));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  const [index, shop] = ['../../src/index.ts', './moving-shop.ts'].map((path) =>
    JSON.stringify(fileURLToPath(new URL(path, import.meta.url))),
  );
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${index};
import { project } from ${shop};
export default defineConfig({ project, environments: { local: { directory: 'old' }, new: { directory: 'new' } } });`,
  );
  const migrate = (step: string) => runCli(folder, ['migrate', step, '--to', 'new']);
  expect(await migrate('copy')).toMatchObject({ code: 2, err: expect.stringContaining('MIGRATE_NOTHING') });
  const filled = await runCli(folder, ['backfill', 'by_user']);
  expect(filled.code).toBe(0);
  expect((await migrate('copy')).out).toContain(
    'next: stop the process that writes old, then headrace migrate cut-over --to new\n',
  );
  expect((await migrate('status')).out).toMatch(/^from old to new, started .*\n(.*\n)*not cut over\n$/);
  expect((await migrate('cut-over')).out).toContain('next: headrace serve --env new\n');
  expect(await runCli(folder, ['backfill', 'by_user'])).toMatchObject({
    err: expect.stringContaining('MIGRATE_MOVED'),
  });
  expect((await migrate('roll-back')).out).toContain('the project is in old\n');
  expect((await runCli(folder, ['backfill', 'by_user'])).code).toBe(0);
});
