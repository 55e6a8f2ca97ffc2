import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { IN_MEMORY, SqliteDatabase } from '../../src/backends/embedded/registry/sqlite-database.ts';
import { SqliteRolloutStore } from '../../src/backends/embedded/rollouts/sqlite-rollout-store.ts';
import { copySqlite } from '../../src/backends/embedded/sqlite-file.ts';
import { MemoryRolloutStore } from '../../src/backends/memory/rollout-store.ts';
import { rolloutSchema, SqlRolloutStore } from '../../src/serving/rollout/sql-rollout-store.ts';
import {
  newRollout,
  type RolloutStoreSubject,
  rolloutEvent,
  rolloutStoreContracts,
} from '../../src/testing/contracts/rollout-store.ts';
import { programPath, start } from '../models/processes/run-process.ts';

const directories: string[] = [];

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'headrace-rollouts-'));
  directories.push(path);
  return path;
}

afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

const backends: Readonly<Record<string, () => RolloutStoreSubject>> = {
  memory: () => {
    const store = new MemoryRolloutStore();
    return { open: () => store };
  },
  'SQL, as of SQLite': () => {
    const database = new SqliteDatabase(IN_MEMORY, rolloutSchema);
    return { open: () => Object.assign(new SqlRolloutStore(database), { close: () => undefined }) };
  },
  sqlite: () => {
    const path = join(directory(), 'rollouts.sqlite');
    return { open: () => new SqliteRolloutStore(path) };
  },
};

for (const [name, subject] of Object.entries(backends)) {
  describe(`the ${name} store of rollouts keeps the rules of its port`, () => {
    for (const contract of rolloutStoreContracts)
      test(`rule ${contract.rule}: ${contract.name}`, () => contract.run(subject()));
  });
}

describe('the rollouts in a SQLite file', () => {
  test('a change that was acknowledged is there after a kill, with its event', async () => {
    const path = join(directory(), 'rollouts.sqlite');
    const url = (file: string) => JSON.stringify(programPath(`../../../src/${file}`));
    const script = `
      import { SqliteRolloutStore } from ${url('backends/embedded/rollouts/sqlite-rollout-store.ts')};
      import { newRollout, rolloutEvent } from ${url('testing/contracts/rollout-store.ts')};
      const store = new SqliteRolloutStore(${JSON.stringify(path)});
      let rollout = newRollout('r-1');
      store.start(rollout, rolloutEvent(rollout));
      for (;;) {
        rollout = { ...rollout, revision: rollout.revision + 1 };
        store.change(rollout, rolloutEvent(rollout, 'tuned'));
        console.log(rollout.revision);
      }`;
    let last = 0;
    const { ended } = start(process.execPath, ['--input-type=module', '-e', script], (line, child) => {
      last = Number(line);
      if (last >= 20) child.kill('SIGKILL');
    });
    await ended;
    const store = new SqliteRolloutStore(path);
    const revision = store.newest('m')?.revision ?? 0;
    expect(revision).toBeGreaterThanOrEqual(last);
    expect(store.events('r-1').map((event) => event.revision)).toEqual(
      Array.from({ length: revision }, (_, i) => i + 1),
    );
    store.close();
  });

  test('a file that is no store of rollouts, or a newer one, is refused by code', () => {
    const foreign = join(directory(), 'foreign.sqlite');
    const other = new DatabaseSync(foreign);
    other.exec('CREATE TABLE t (a); PRAGMA user_version = 1');
    other.close();
    expect(() => new SqliteRolloutStore(foreign)).toThrow(expect.objectContaining({ code: 'ROLLOUT_FILE' }));
    const text = join(directory(), 'text.sqlite');
    writeFileSync(text, 'no database at all, but long enough to be looked at as one'.repeat(50));
    expect(() => new SqliteRolloutStore(text)).toThrow(expect.objectContaining({ code: 'ROLLOUT_FILE' }));
    const newer = join(directory(), 'newer.sqlite');
    new SqliteRolloutStore(newer).close();
    const database = new DatabaseSync(newer);
    database.exec('PRAGMA user_version = 9');
    database.close();
    expect(() => new SqliteRolloutStore(newer)).toThrow(expect.objectContaining({ code: 'ROLLOUT_FORMAT' }));
  });

  test('a file of format 1 is read as it was written', () => {
    const path = join(directory(), 'rollouts.sqlite');
    copyFileSync(new URL('formats/rollouts-1.sqlite', import.meta.url), path);
    const store = new SqliteRolloutStore(path);
    const rollout = { ...newRollout('r-1'), revision: 2, step: 1 };
    expect(store.newest('m')).toEqual(rollout);
    expect(store.events('r-1')).toEqual([rolloutEvent(newRollout('r-1')), rolloutEvent(rollout, 'raised')]);
    expect(store.undelivered('m')).toEqual([rolloutEvent(rollout, 'raised')]);
    expect(store.evidence('r-1')).toEqual([{ n: 1 }]);
    store.close();
  });

  test('a writer that holds the file makes others fail by code, and nothing of their change is stored', () => {
    const path = join(directory(), 'rollouts.sqlite');
    const store = new SqliteRolloutStore(path, { busyTimeoutMs: 1 });
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    const rollout = newRollout('r-1');
    expect(() => store.start(rollout, rolloutEvent(rollout))).toThrow(
      expect.objectContaining({ code: 'ROLLOUT_BUSY' }),
    );
    holder.exec('ROLLBACK');
    holder.close();
    expect(store.newest('m')).toBeNull();
    store.start(rollout, rolloutEvent(rollout));
    store.close();
  });

  test('a copy beside a writer is whole, and there is none of nothing', () => {
    const folder = directory();
    const [path, copy] = [join(folder, 'rollouts.sqlite'), join(folder, 'copy.sqlite')];
    copySqlite(path, copy);
    const store = new SqliteRolloutStore(path);
    const rollout = newRollout('r-1');
    store.start(rollout, rolloutEvent(rollout));
    copySqlite(path, copy);
    const copied = new SqliteRolloutStore(copy);
    expect(copied.newest('m')).toEqual(rollout);
    copied.close();
    store.close();
  });
});
