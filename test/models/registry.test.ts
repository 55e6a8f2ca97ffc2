import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { loadableRecord } from '../../src/registry/version-seal.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import {
  modelRegistryContracts,
  newVersion,
  type RegistrySubject,
} from '../../src/testing/contracts/model-registry.ts';
import { trackingContracts } from '../../src/testing/contracts/tracking-store.ts';
import { versionContracts } from '../../src/testing/contracts/version-registry.ts';
import { deliveredVersions } from './delivered-versions.ts';
import { programPath, runProgram, start } from './processes/run-process.ts';

const directories: string[] = [];

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'headrace-registry-'));
  directories.push(path);
  return path;
}

afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

const backends: Readonly<Record<string, () => RegistrySubject>> = {
  memory: () => {
    // Closed by one, it stays for the others that opened it.
    const registry = { ...openSqliteRegistry(':memory:'), close: async () => undefined };
    return { open: () => registry };
  },
  sqlite: () => {
    const path = join(directory(), 'registry.db');
    return { open: () => openSqliteRegistry(path) };
  },
};

for (const [name, subject] of Object.entries(backends)) {
  describe(`the ${name} registry keeps the rules of its port`, () => {
    for (const contract of [...modelRegistryContracts, ...trackingContracts, ...versionContracts]) {
      test(`rule ${contract.rule}: ${contract.name}`, () => contract.run(subject()));
    }
  });
}

describe('the registry in a SQLite file', () => {
  test('processes that register and move the alias at once lose nothing and overwrite nobody', async () => {
    const path = join(directory(), 'registry.db');
    const runs = await Promise.all(Array.from({ length: 3 }, () => runProgram('move-alias.ts', [path, '20'])));
    expect(runs.map(({ stderr, code }) => [stderr, code])).toEqual(runs.map(() => ['', 0]));
    const won = runs.map(({ stdout }): { versions: number[]; moves: { from: number | null; to: number }[] } =>
      JSON.parse(stdout),
    );
    const versions = won.flatMap((one) => one.versions).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    const registry = openSqliteRegistry(path);
    const moves = await registry.moves('m');
    expect(moves.map(({ from, to }) => `${from}→${to}`).sort()).toEqual(
      won
        .flatMap((one) => one.moves)
        .map(({ from, to }) => `${from}→${to}`)
        .sort(),
    );
    // A chain: each move leaves from the place where the previous one arrived.
    expect(moves.map(({ from }) => from)).toEqual([null, ...moves.slice(0, -1).map(({ to }) => to)]);
    expect(await registry.alias('m', 'champion')).toBe(moves.at(-1)?.to);
    await registry.close();
  });

  test('what was acknowledged is there after a kill, each change with its delivery', async () => {
    const path = join(directory(), 'registry.db');
    const script = `
      import { openSqliteRegistry } from ${JSON.stringify(programPath('../../../src/site/open-registry.ts'))};
      import { newVersion } from ${JSON.stringify(programPath('../../../src/testing/contracts/model-registry.ts'))};
      import { webhookFor } from ${JSON.stringify(programPath('../../../src/testing/contracts/version-registry.ts'))};
      const registry = openSqliteRegistry(${JSON.stringify(path)});
      await registry.putWebhook(webhookFor('w', { entity: 'model_version', action: 'created' }));
      for (;;) console.log((await registry.register(newVersion('m'))).version);`;
    let last = 0;
    const { ended } = start(process.execPath, ['--input-type=module', '-e', script], (line, child) => {
      last = Number(line);
      if (last >= 25) child.kill('SIGKILL');
    });
    const { stdout } = await ended;
    last = Number(stdout.trimEnd().split('\n').at(-1));
    const registry = openSqliteRegistry(path);
    const kept = (await registry.versions('m')).map(({ version }) => version);
    expect(kept.length).toBeGreaterThanOrEqual(last);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => i + 1));
    expect(await deliveredVersions(registry)).toEqual(kept);
    await registry.close();
  });

  test('a content is erased only once what took its last name is durable', async () => {
    const path = join(directory(), 'registry.db');
    const [registry, other] = [openSqliteRegistry(path), openSqliteRegistry(path)];
    const digest = 'a'.repeat(64);
    await registry.nameFile({ path: 'x/y', digest, sizeBytes: 1 }, 1);
    const named: unknown[] = [];
    const erase = async () => void named.push(await other.file('x/y'));
    const [removed, erased] = await Promise.all([
      registry.unnameFiles('x'),
      registry.collect([digest], { now: 1, claimMs: 1, erase }),
    ]);
    expect([removed, erased, named]).toEqual([1, [digest], [null]]);
    await registry.close();
    await other.close();
  });

  test('a file of format 1, written when that was the newest, is read', async () => {
    const path = join(directory(), 'registry.db');
    copyFileSync(fileURLToPath(new URL('./formats/registry-1.db', import.meta.url)), path);
    const registry = openSqliteRegistry(path);
    expect(await registry.models()).toEqual(['late_departure']);
    expect(await registry.version('late_departure', 2)).toEqual({ ...newVersion('late_departure'), version: 2 });
    expect(await registry.moves('late_departure')).toEqual([
      { alias: 'champion', from: null, to: 1, at: 2_000, who: '', why: '' },
      { alias: 'champion', from: 1, to: 2, at: 3_000, who: '', why: '' },
    ]);
    expect((await registry.register(newVersion('late_departure'))).version).toBe(3);
    await registry.close();
  });

  test('a file of format 2 is read: runs, metrics, versions of any origin, moves, gates', async () => {
    const path = join(directory(), 'registry.db');
    copyFileSync(fileURLToPath(new URL('./formats/registry-2.db', import.meta.url)), path);
    const registry = openSqliteRegistry(path);
    const run = await registry.run('a'.repeat(32));
    expect(run?.metrics).toEqual([{ key: 'auc', value: Number.NaN, at: 2, step: 2 }]);
    expect(run?.params).toEqual([{ key: 'lr', value: '0.1' }]);
    expect((await registry.metricHistory('a'.repeat(32), 'auc', { offset: 0, limit: 9 })).rows).toHaveLength(2);
    expect((await registry.versions('late_departure')).map(({ version }) => version)).toEqual([1, 2]);
    expect(await registry.versionRecord('late_departure', 3)).toMatchObject({
      user: 'bob',
      trained: null,
      files: [{ path: 'model.pkl', digest: 'c'.repeat(64), sizeBytes: 3 }],
    });
    expect((await registry.moves('late_departure')).at(-1)).toMatchObject({ to: 2, who: 'ann', why: 'better auc' });
    expect(await registry.verdicts('late_departure', 3)).toMatchObject([{ gate: 'review', passed: true }]);
    await registry.close();
  });

  test('a file of format 3 is read: an alias with the seal of its version', async () => {
    const path = join(directory(), 'registry.db');
    copyFileSync(fileURLToPath(new URL('./formats/registry-3.db', import.meta.url)), path);
    const registry = openSqliteRegistry(path);
    expect((await loadableRecord(registry, 'late_departure', 3)).seals.map(({ alias }) => alias)).toEqual(['sealed']);
    expect((await loadableRecord(registry, 'late_departure', 1)).seals).toHaveLength(1);
    // An alias that was set in format 2 has no seal.
    expect((await loadableRecord(registry, 'late_departure', 2)).aliases).toEqual(['champion']);
    expect((await loadableRecord(registry, 'late_departure', 2)).seals).toEqual([]);
    await registry.close();
  });

  test('a file of a newer format is refused by name, and left alone', async () => {
    const path = join(directory(), 'registry.db');
    await openSqliteRegistry(path).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 4');
    database.close();
    expect(() => openSqliteRegistry(path)).toThrow(expect.objectContaining({ code: 'REGISTRY_FORMAT' }));
  });

  test("another program's database is refused, and left alone", () => {
    const path = join(directory(), 'registry.db');
    const database = new DatabaseSync(path);
    database.exec('CREATE TABLE theirs (a)');
    expect(() => openSqliteRegistry(path)).toThrow(expect.objectContaining({ code: 'REGISTRY_FILE' }));
    expect(
      database
        .prepare('SELECT name FROM sqlite_schema')
        .all()
        .map((row) => row['name']),
    ).toEqual(['theirs']);
    database.close();
  });

  test('a file that is no database, or a directory, is REGISTRY_FILE', () => {
    const path = join(directory(), 'registry.db');
    writeFileSync(path, 'not a database, but long enough to be looked at '.repeat(100));
    expect(() => openSqliteRegistry(path)).toThrow(expect.objectContaining({ code: 'REGISTRY_FILE' }));
    expect(() => openSqliteRegistry(directory())).toThrow(expect.objectContaining({ code: 'REGISTRY_FILE' }));
    expect(() => openSqliteRegistry(join(directory(), 'absent', 'registry.db'))).toThrow(
      expect.objectContaining({ code: 'REGISTRY_FILE' }),
    );
  });

  test('a damaged or cut file is REGISTRY_FILE, never a shorter answer', async () => {
    const path = join(directory(), 'registry.db');
    const whole = openSqliteRegistry(path);
    for (let i = 0; i < 40; i += 1) await whole.register(newVersion('m'));
    await whole.close();
    const cut = join(directory(), 'cut.db');
    copyFileSync(path, cut);
    truncateSync(cut, 3 * 4096);
    expect(() => openSqliteRegistry(cut)).toThrow(expect.objectContaining({ code: 'REGISTRY_FILE' }));
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 4096, 3 * 4096);
    writeFileSync(path, bytes);
    expect(() => openSqliteRegistry(path)).toThrow(expect.objectContaining({ code: 'REGISTRY_FILE' }));
  });

  test('a writer that waits too long for another learns it, and reads continue', async () => {
    const path = join(directory(), 'registry.db');
    const registry = openSqliteRegistry(path, { busyTimeoutMs: 30 });
    await registry.register(newVersion('m'));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(registry.register(newVersion('m'))).rejects.toMatchObject({ code: 'REGISTRY_BUSY' });
    expect(await registry.versions('m')).toHaveLength(1);
    other.exec('ROLLBACK');
    expect((await registry.register(newVersion('m'))).version).toBe(2);
    other.close();
    await registry.close();
  });

  test('an opening waits for a process that writes to a new file', async () => {
    const path = join(directory(), 'registry.db');
    await openSqliteRegistry(path).close();
    const other = new DatabaseSync(path);
    // A new file has this kind of journal.
    other.exec('PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE');
    const open = () => openSqliteRegistry(path, { busyTimeoutMs: 100 });
    expect(open).toThrow(expect.objectContaining({ code: 'REGISTRY_BUSY' }));
    // The other ends while the opening pauses.
    const paused = vi.spyOn(Atomics, 'wait').mockImplementation(() => {
      other.close();
      return 'timed-out';
    });
    onTestFinished(() => paused.mockRestore());
    await openSqliteRegistry(path).close();
    expect(paused).toHaveBeenCalledOnce();
  });

  test('a full disk is REGISTRY_WRITE, and everything acknowledged before is kept', async () => {
    const path = join(directory(), 'registry.db');
    const program = programPath('fill-disk.ts');
    // Files may grow to 4,096 blocks of 512 or 1,024 bytes, as the shell counts them.
    const command = `ulimit -f 4096 && exec "${process.execPath}" "${program}" registry "${path}"`;
    const { stdout, stderr } = await start('sh', ['-c', command]).ended;
    const answer: { acknowledged: number; code: string } = JSON.parse(stdout || JSON.stringify({ stderr }));
    expect(answer.code).toBe('REGISTRY_WRITE');
    expect(answer.acknowledged).toBeGreaterThan(0);
    const registry = openSqliteRegistry(path);
    expect(await registry.versions('m')).toHaveLength(answer.acknowledged);
    expect((await registry.register(newVersion('m'))).version).toBe(answer.acknowledged + 1);
    await registry.close();
  });

  test('a directory that may not be written is a coded error', async () => {
    const path = directory();
    await openSqliteRegistry(join(path, 'registry.db')).close();
    chmodSync(path, 0o555);
    chmodSync(join(path, 'registry.db'), 0o444);
    // The superuser may write anything: take another user's place.
    const script = `
      if (process.getuid() === 0) process.setuid(65534);
      const { openSqliteRegistry } = await import(${JSON.stringify(programPath('../../../src/site/open-registry.ts'))});
      const codes = ['registry.db', 'new.db'].map((name) => {
        try { openSqliteRegistry(${JSON.stringify(path)} + '/' + name); return 'opened'; } catch (error) { return error.code; }
      });
      console.log(JSON.stringify(codes));`;
    const { stdout, stderr } = await start(process.execPath, ['--input-type=module', '-e', script]).ended;
    chmodSync(path, 0o755);
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: '["REGISTRY_FILE","REGISTRY_FILE"]', stderr: '' });
  });
});
