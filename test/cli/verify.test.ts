import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import type { OfflineTable } from '../../src/ports/offline-store.ts';
import { eventLogContracts } from '../../src/testing/contracts/event-log.ts';
import { offlineStoreContracts } from '../../src/testing/contracts/offline-store.ts';
import { onlineStoreContracts } from '../../src/testing/contracts/online-store.ts';
import { ended, lastJson, runCli, startCli } from './run-cli.ts';

const RULES = eventLogContracts.length + onlineStoreContracts.length + offlineStoreContracts.length;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'verify-'));
  const [index, shop] = ['../../src/index.ts', '../server/shop.ts'].map(
    (path) => new URL(path, import.meta.url).pathname,
  );
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(shop)};
export default defineConfig({ project, environments: { local: { directory: 'data' } } });`,
  );
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('every rule of the embedded stores holds here, has a line, and leaves nothing', { timeout: 600_000 }, async () => {
  const { code, out } = await runCli(folder, ['verify']);
  const lines = out.trimEnd().split('\n');
  expect(lines.at(-1)).toBe(`all ${RULES} rules hold`);
  expect(lines.slice(0, -1).filter((line) => !/^holds {2}[a-z ]+ in embedded, rule \d+: /.test(line))).toEqual([]);
  expect(lines.length).toBe(RULES + 1);
  expect(code).toBe(0);
  expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
});

test('a damaged file of the history is named, before any rule is run', async () => {
  const path = join(folder, 'data', 'offline');
  const store = await openOfflineStore({ path, access: 'write', clock: Date.now });
  const table: OfflineTable = { name: 'numbers@1', columns: { n: 'BIGINT' } };
  await store.publish({ writer: 'w', position: {}, mode: 'append', tables: [{ table, rows: 1, columns: [[7]] }] });
  const [file = ''] = store.tables()[0]?.files ?? [];
  await store.close();
  const bytes = readFileSync(file);
  bytes[4] = bytes[4] === 0 ? 1 : 0;
  writeFileSync(file, bytes);
  const { code, out, err } = await runCli(folder, ['verify']);
  expect(err).toContain('OFFLINE_CORRUPT');
  expect(err).toContain('numbers@1/1-0.parquet');
  expect(out).toBe('');
  expect(code).toBe(4);
});

test('a run that is stopped says so and leaves nothing; what a killed one left, the next removes', {
  timeout: 600_000,
}, async () => {
  const killed = startCli(folder, ['verify', '--json']);
  await once(killed.stdout ?? killed, 'data');
  killed.kill('SIGKILL');
  await once(killed, 'close');
  const [left] = readdirSync(join(folder, 'data/verify'));
  expect(left).toMatch(/^shop-verify-[0-9a-f]{8}$/);
  const stopped = startCli(folder, ['verify', '--json']);
  const end = ended(stopped);
  await once(stopped.stdout ?? stopped, 'data');
  expect(existsSync(join(folder, 'data/verify', left))).toBe(false);
  stopped.kill('SIGINT');
  const told = await end;
  expect(lastJson(told)).toMatchObject({ error: { code: 'VERIFY_STOPPED', retry: 'safe' } });
  expect(told.code).toBe(6);
  expect(readdirSync(folder)).toEqual(['headrace.config.ts']);
});
