import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { copySqlite } from '../../src/backends/embedded/copy-sqlite.ts';
import {
  newRollout,
  type RolloutStoreSubject,
  rolloutEvent,
  rolloutStoreContracts,
} from '../../src/testing/contracts/rollout-store.ts';
import { programPath, start } from '../models/processes/run-process.ts';
import { rolloutStore } from '../sql-stores.ts';

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
    const store = Object.assign(rolloutStore(), { close: async () => undefined });
    return { open: () => store };
  },
  sqlite: () => {
    const path = join(directory(), 'rollouts.sqlite');
    return { open: () => rolloutStore(path) };
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
      import { rolloutStore } from ${JSON.stringify(programPath('../../sql-stores.ts'))};
      import { newRollout, rolloutEvent } from ${url('testing/contracts/rollout-store.ts')};
      const store = rolloutStore(${JSON.stringify(path)});
      let rollout = newRollout('r-1');
      await store.start(rollout, rolloutEvent(rollout));
      for (;;) {
        rollout = { ...rollout, revision: rollout.revision + 1 };
        await store.change(rollout, rolloutEvent(rollout, 'tuned'));
        console.log(rollout.revision);
      }`;
    let last = 0;
    const { ended } = start(process.execPath, ['--input-type=module', '-e', script], (line, child) => {
      last = Number(line);
      if (last >= 20) child.kill('SIGKILL');
    });
    await ended;
    const store = rolloutStore(path);
    const revision = (await store.newest('m'))?.revision ?? 0;
    expect(revision).toBeGreaterThanOrEqual(last);
    expect((await store.events('r-1')).map((event) => event.revision)).toEqual(
      Array.from({ length: revision }, (_, i) => i + 1),
    );
    await store.close();
  });

  test('a file that is no store of rollouts, or a newer one, is refused by code', async () => {
    const foreign = join(directory(), 'foreign.sqlite');
    const other = new DatabaseSync(foreign);
    other.exec('CREATE TABLE t (a); PRAGMA user_version = 1');
    other.close();
    expect(() => rolloutStore(foreign)).toThrow(expect.objectContaining({ code: 'ROLLOUT_FILE' }));
    const text = join(directory(), 'text.sqlite');
    writeFileSync(text, 'no database at all, but long enough to be looked at as one'.repeat(50));
    expect(() => rolloutStore(text)).toThrow(expect.objectContaining({ code: 'ROLLOUT_FILE' }));
    const newer = join(directory(), 'newer.sqlite');
    await rolloutStore(newer).close();
    const database = new DatabaseSync(newer);
    database.exec('PRAGMA user_version = 9');
    database.close();
    expect(() => rolloutStore(newer)).toThrow(expect.objectContaining({ code: 'ROLLOUT_FORMAT' }));
  });

  test('a file of format 1 is read as it was written', async () => {
    const path = join(directory(), 'rollouts.sqlite');
    copyFileSync(new URL('formats/rollouts-1.sqlite', import.meta.url), path);
    const store = rolloutStore(path);
    const rollout = { ...newRollout('r-1'), revision: 2, step: 1 };
    expect(await store.newest('m')).toEqual(rollout);
    expect(await store.events('r-1')).toEqual([rolloutEvent(newRollout('r-1')), rolloutEvent(rollout, 'raised')]);
    expect(await store.undelivered('m')).toEqual([rolloutEvent(rollout, 'raised')]);
    expect(await store.evidence('r-1')).toEqual([{ n: 1 }]);
    await store.close();
  });

  test('a writer that holds the file makes others fail by code, and nothing of their change is stored', async () => {
    const path = join(directory(), 'rollouts.sqlite');
    const store = rolloutStore(path, { busyTimeoutMs: 1 });
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    const rollout = newRollout('r-1');
    await expect(store.start(rollout, rolloutEvent(rollout))).rejects.toThrow(
      expect.objectContaining({ code: 'ROLLOUT_BUSY' }),
    );
    holder.exec('ROLLBACK');
    holder.close();
    expect(await store.newest('m')).toBeNull();
    await store.start(rollout, rolloutEvent(rollout));
    await store.close();
  });

  test('a copy next to a writer is whole, and there is none of nothing', async () => {
    const folder = directory();
    const [path, copy] = [join(folder, 'rollouts.sqlite'), join(folder, 'copy.sqlite')];
    copySqlite(path, copy);
    const store = rolloutStore(path);
    const rollout = newRollout('r-1');
    await store.start(rollout, rolloutEvent(rollout));
    copySqlite(path, copy);
    const copied = rolloutStore(copy);
    expect(await copied.newest('m')).toEqual(rollout);
    await copied.close();
    await store.close();
  });
});
