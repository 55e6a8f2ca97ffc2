import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { auditIds, auditText } from '../../src/monitoring/estimate/audit-file.ts';
import { auditPath } from '../../src/playbook/audit-samples.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { childEnv } from '../child-env.ts';
import { project, purchases, risk } from '../server/shop.ts';
import { turns, until } from '../until.ts';

const START = Date.UTC(2026, 0, 1);
const FORGETTER = fileURLToPath(new URL('./forgetter.ts', import.meta.url));
/** Found in no file by chance. */
const EVE = 'eve-3f81c2';

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-forget-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const open = (directory: string) =>
  openHeadrace({ project, environment: { directory, partitions: 2, sampleRate: 1 }, clock: () => START });

const event = (id: string, user: string, secondsAgo: number) => ({
  id,
  at: START - secondsAgo * 1_000,
  user,
  price: '1.50',
  number: '7',
});

const shopper = project.parts.shopper;
const featuresOf = async (headrace: Headrace, user: string) =>
  (await headrace.vector(shopper, { user, price: '0' })).features;

/** A shop in which Eve and Ann have bought, been served and been trained on. */
async function fillShop(directory: string): Promise<Headrace> {
  const headrace = await open(directory);
  const events = Array.from({ length: 40 }, (_, i) =>
    event(`${i % 2 === 0 ? 'e' : 'a'}${i}`, i % 2 === 0 ? EVE : 'ann', 100 - i),
  );
  await headrace.ingest(headrace.source('purchases'), events.slice(0, 30));
  await headrace.ingest(headrace.source('purchases'), events.slice(0, 2));
  await headrace.ingest(purchases, [{ ...event('x1', EVE, 5), at: START + 7_200_000 }] as never);
  await headrace.ingest(purchases, [{ ...event('x2', 'ann', 5), number: 'no number' }] as never);
  for (const user of [EVE, 'ann']) await featuresOf(headrace, user);
  await headrace.flush();
  const run = join(directory, 'runs', 'risk-1');
  mkdirSync(run, { recursive: true });
  await headrace.writeTrainingSet(risk, join(run, 'training-set.parquet'), { to: START + 86_400_000 });
  await headrace.ingest(headrace.source('purchases'), events.slice(30));
  return headrace;
}

function filesWith(directory: string, text: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('a forgotten entity is in no store and in no file of log and history, the report says so, and all others stay', async () => {
  const directory = newDirectory();
  const headrace = await fillShop(directory);
  const ann = await featuresOf(headrace, 'ann');
  const [report] = await Promise.all([
    headrace.forget('user', { user: EVE }),
    // Serving and ingesting continue.
    (async () => {
      for (let i = 0; i < 50; i += 1) {
        expect(await featuresOf(headrace, 'ann')).toMatchObject({ spend_purchases_7d: 20 });
        await turns(1);
      }
      await headrace.ingest(headrace.source('purchases'), [event('b1', 'bob', 5)]);
    })(),
  ]);
  const counts = Object.fromEntries(
    report.stores.map(({ name, before, after }) => [name.replace(/\..*/, ''), [before, after]]),
  );
  expect(counts).toMatchObject({
    'purchases@1': [21, 0],
    'events/purchases@1': [21, 0],
    'served/shopper@1': [1, 0],
  });
  expect(
    report.stores.filter(({ store }) => store === 'online').every(({ before, after }) => before > 0 && after === 0),
  ).toBe(true);
  expect(
    report.stores
      .filter(({ name }) => name.startsWith('tiles/'))
      .every(({ before, after }) => before > 0 && after === 0),
  ).toBe(true);
  expect(report).toMatchObject({ entity: 'user', untouched: ['returns@1'] });
  expect(await featuresOf(headrace, 'ann')).toEqual(ann);
  expect(await featuresOf(headrace, 'bob')).toMatchObject({ spend_purchases_7d: 1 });
  await headrace.flush();
  for (const store of ['log', 'offline']) expect(filesWith(join(directory, store), EVE)).toEqual([]);
  expect(readdirSync(join(directory, 'forgetting'))).toEqual([]);
  expect(await featuresOf(headrace, EVE)).toMatchObject({ spend_purchases_7d: 0, spend_numbers_7d: [] });
  await headrace.ingest(headrace.source('purchases'), [event('new', EVE, 1)]);
  expect(await featuresOf(headrace, EVE), 'what comes later is new').toMatchObject({ spend_purchases_7d: 1 });
  await headrace.close();
  for (const lost of ['online', 'offline']) {
    rmSync(join(directory, lost), { recursive: true });
    const again = await open(directory);
    expect(await featuresOf(again, EVE), `without ${lost}, from the log`).toMatchObject({ spend_purchases_7d: 1 });
    expect(await featuresOf(again, 'ann')).toEqual(ann);
    await again.close();
  }
});

test('refused events with the entity leave the quarantine, others stay, and training sets of spines are named', async () => {
  const directory = newDirectory();
  const headrace = await fillShop(directory);
  const spine = join(directory, 'spine.csv');
  writeFileSync(spine, `who,when,price\n${EVE},${START},1\nann,${START},1\n${EVE},${START - 5_000},1\n`);
  await headrace.writeTrainingSet(shopper, insideOf(headrace).training.setPath('shopper-1.parquet'), {
    spine: { path: spine, time: 'when', columns: { user: 'who' } },
  });
  const report = await headrace.forget('user', { user: EVE });
  expect(report.stores).toContainEqual({ store: 'history', name: 'monitoring/quarantine@1', before: 1, after: 0 });
  expect(report.spineSets).toEqual([{ path: join(directory, 'training-sets', 'shopper-1.parquet'), rows: 2 }]);
  const { sources } = await headrace.featuresReport(START - 86_400_000, START + 1);
  const quarantined = sources.find(({ source }) => source === 'purchases')?.quarantined ?? [];
  expect(quarantined.map(({ sample }) => sample)).toEqual([expect.stringMatching(/"user":"ann"/)]);
  await headrace.close();
});

test('training sets with rows of the entity are named with the number of rows', async () => {
  const directory = newDirectory();
  const headrace = await fillShop(directory);
  const path = join(directory, 'runs', 'risk-1', 'training-set.parquet');
  let rows = 0;
  for await (const [[count]] of headrace.history.query(
    `SELECT COUNT(*) FROM read_parquet('${path}') WHERE _id LIKE 'e%'`,
  ))
    rows = Number(count);
  const { trainingSets } = await headrace.forget('user', { user: EVE });
  expect(trainingSets).toEqual(rows === 0 ? [] : [{ model: 'risk', versions: [], path, rows }]);
  await headrace.close();
});

function isBegun(directory: string): boolean {
  const folder = join(directory, 'forgetting');
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json'));
}

test('samples of predictions that are drawn to be labelled lose those of the entity, and keep all others', async () => {
  const directory = newDirectory();
  const headrace = await fillShop(directory);
  const folder = join(directory, 'playbook');
  // A gate that was killed left its labelled rows; one that runs removes them itself.
  const [dead, alive] = [join(folder, 'risk-9-999999999'), join(folder, `risk-9-${process.pid}`)];
  for (const one of [dead, alive]) mkdirSync(one, { recursive: true });
  const ids = ['e0', 'a1', 'e2', 'odd, "quoted"\nid', 'a3'];
  writeFileSync(auditPath(folder, 'risk-7'), auditText(ids));
  writeFileSync(auditPath(folder, 'risk-8'), auditText(['a1']));
  const { stores } = await headrace.forget('user', { user: EVE });
  expect(stores).toContainEqual({ store: 'samples', name: 'playbook', before: 2, after: 0 });
  const kept = (name: string) => auditIds(readFileSync(auditPath(folder, name), 'utf8'));
  expect([kept('risk-7'), kept('risk-8')]).toEqual([['a1', 'odd, "quoted"\nid', 'a3'], ['a1']]);
  expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
  await headrace.close();
});

test('what is not declared cannot be forgotten', async () => {
  const headrace = await open(newDirectory());
  await expect(headrace.forget('visitor', { user: EVE })).rejects.toMatchObject({ code: 'FORGET_ENTITY' });
  await expect(headrace.forget('user', {})).rejects.toMatchObject({ code: 'REQUEST_MISSING' });
  await expect(headrace.forget('user', { user: EVE, more: 1 })).rejects.toMatchObject({
    code: 'REQUEST_UNKNOWN_COLUMN',
  });
  await headrace.close();
});

test('a process that is killed while it forgets continues when the project is opened again', async () => {
  const directory = newDirectory();
  const filled = await fillShop(directory);
  const ann = await featuresOf(filled, 'ann');
  await filled.close();
  for (const later of [0, 400]) {
    const child = spawn(process.execPath, ['--conditions=headrace-source', FORGETTER, directory, EVE, String(START)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: childEnv(),
    });
    const ended = once(child, 'exit');
    await until(() => isBegun(directory) || child.exitCode !== null);
    expect(isBegun(directory)).toBe(true);
    await turns(later);
    child.kill('SIGKILL');
    await ended;
  }
  const headrace = await open(directory);
  expect(readdirSync(join(directory, 'forgetting'))).toEqual([]);
  expect(await featuresOf(headrace, 'ann')).toEqual(ann);
  await headrace.flush();
  for (const store of ['log', 'offline']) expect(filesWith(join(directory, store), EVE)).toEqual([]);
  expect(await featuresOf(headrace, EVE)).toMatchObject({ spend_purchases_7d: 0 });
  await headrace.close();
});
