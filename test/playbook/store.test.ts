import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { SqlitePlaybookStore } from '../../src/backends/embedded/playbook/sqlite-playbook-store.ts';
import { copySqlite } from '../../src/backends/embedded/sqlite-file.ts';
import { MemoryPlaybookStore } from '../../src/backends/memory/playbook-store.ts';
import { playbookStoreContracts } from '../../src/testing/contracts/playbook-store.ts';

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
      const store = new MemoryPlaybookStore();
      return { open: () => store };
    },
  ],
  [
    'sqlite',
    () => {
      const path = newPath();
      return { open: () => new SqlitePlaybookStore(path) };
    },
  ],
] as const)('journals in %s', (_, subject) => {
  test.each(playbookStoreContracts)('rule $rule: $name', ({ run }) => run(subject()));
});

describe('the file of the journals', () => {
  test('a file of the first format still reads, and is copied while it is open', () => {
    const [path, copy] = [newPath(), newPath()];
    copyFileSync(new URL('formats/playbooks-1.sqlite', import.meta.url), path);
    const store = new SqlitePlaybookStore(path);
    expect(store.entries('m').map(({ kind, revision }) => [kind, revision])).toEqual([
      ['frozen', 1],
      ['thawed', 2],
    ]);
    copySqlite(path, copy);
    store.close();
    const copied = new SqlitePlaybookStore(copy);
    expect(copied.entries('m')).toHaveLength(2);
    copied.close();
  });

  test('a file of a later format, of another program, or none at all is refused by code', () => {
    const [later, foreign, none] = [newPath(), newPath(), newPath()];
    new SqlitePlaybookStore(later).close();
    const database = new DatabaseSync(later);
    database.exec('PRAGMA user_version = 9');
    database.close();
    expect(() => new SqlitePlaybookStore(later)).toThrow(expect.objectContaining({ code: 'PLAYBOOK_FORMAT' }));
    const other = new DatabaseSync(foreign);
    other.exec('CREATE TABLE t (a); PRAGMA user_version = 1; PRAGMA application_id = 7');
    other.close();
    expect(() => new SqlitePlaybookStore(foreign)).toThrow(expect.objectContaining({ code: 'PLAYBOOK_FILE' }));
    writeFileSync(none, 'no database at all, but long enough to be looked at as one by SQLite'.repeat(40));
    expect(() => new SqlitePlaybookStore(none)).toThrow(expect.objectContaining({ code: 'PLAYBOOK_FILE' }));
  });

  test('a store that another process keeps locked says so', () => {
    const path = newPath();
    const store = new SqlitePlaybookStore(path, { busyTimeoutMs: 1 });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const append = () => store.append('m', 0, [{ kind: 'thawed', reason: '', at: 1, by: 'ann' }]);
    expect(append).toThrow(expect.objectContaining({ code: 'PLAYBOOK_BUSY' }));
    other.exec('ROLLBACK');
    other.close();
    expect(append()).toBe(1);
    store.close();
  });
});
