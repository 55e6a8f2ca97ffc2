import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { copySqlite } from '../../src/backends/embedded/copy-sqlite.ts';
import { playbookStoreContracts } from '../../src/testing/contracts/playbook-store.ts';
import { playbookStore } from '../sql-stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-playbooks-'));
let files = 0;
function newPath(): string {
  files += 1;
  return join(folder, `${files}.sqlite`);
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  [
    'memory',
    () => {
      const store = playbookStore();
      return { open: () => Object.assign(store, { close: async () => undefined }) };
    },
  ],
  [
    'sqlite',
    () => {
      const path = newPath();
      return { open: () => playbookStore(path) };
    },
  ],
] as const)('journals in %s', (_, subject) => {
  test.each(playbookStoreContracts)('rule $rule: $name', ({ run }) => run(subject()));
});

describe('the file of the journals', () => {
  test('a file of the first format still reads, and is copied while it is open', async () => {
    const [path, copy] = [newPath(), newPath()];
    copyFileSync(new URL('formats/playbooks-1.sqlite', import.meta.url), path);
    const store = playbookStore(path);
    expect((await store.entries('m')).map(({ kind, revision }) => [kind, revision])).toEqual([
      ['frozen', 1],
      ['thawed', 2],
    ]);
    copySqlite(path, copy);
    await store.close();
    const copied = playbookStore(copy);
    expect(await copied.entries('m')).toHaveLength(2);
    await copied.close();
  });

  test('a file of a later format, of another program, or none at all is refused by code', async () => {
    const [later, foreign, none] = [newPath(), newPath(), newPath()];
    await playbookStore(later).close();
    const database = new DatabaseSync(later);
    database.exec('PRAGMA user_version = 9');
    database.close();
    expect(() => playbookStore(later)).toThrow(expect.objectContaining({ code: 'PLAYBOOK_FORMAT' }));
    const other = new DatabaseSync(foreign);
    other.exec('CREATE TABLE t (a); PRAGMA user_version = 1; PRAGMA application_id = 7');
    other.close();
    expect(() => playbookStore(foreign)).toThrow(expect.objectContaining({ code: 'PLAYBOOK_FILE' }));
    writeFileSync(none, 'no database at all, but long enough to be looked at as one by SQLite'.repeat(40));
    expect(() => playbookStore(none)).toThrow(expect.objectContaining({ code: 'PLAYBOOK_FILE' }));
  });

  test('a store that another process keeps locked says so', async () => {
    const path = newPath();
    const store = playbookStore(path, { busyTimeoutMs: 1 });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const append = () => store.append('m', 0, [{ kind: 'thawed', reason: '', at: 1, by: 'ann' }]);
    await expect(append()).rejects.toThrow(expect.objectContaining({ code: 'PLAYBOOK_BUSY' }));
    other.exec('ROLLBACK');
    other.close();
    expect(await append()).toBe(1);
    await store.close();
  });
});
