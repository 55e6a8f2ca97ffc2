import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { restore as restoreCommand } from '../../src/cli/commands/restore.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { restore } from '../../src/operating/restore.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { backUpEnvironment } from '../../src/site/back-up.ts';
import { checkLoop, killIngester } from '../loop/kill-loop.ts';
import { project, purchases, service } from '../loop/shop.ts';

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-backup-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const environmentOf = (directory: string) => resolveEnvironment('test', { directory, partitions: 3 }, 'shop');

test('a backup made while a process writes, which is then killed, restores to what the oracle says of its log', async () => {
  const root = newDirectory();
  const directory = join(root, 'data');
  const first = async () => {
    for (let i = 0; i < 2; i += 1)
      await backUpEnvironment(environmentOf(directory), join(root, `backup-${i}`), Date.now());
  };
  const acknowledged = await killIngester(directory, 0, 7, { lines: 20, first });
  expect(acknowledged).toBeGreaterThan(0);
  for (let i = 0; i < 2; i += 1) {
    const restored = join(root, `restored-${i}`);
    await restore(join(root, `backup-${i}`), restored);
    await checkLoop(restored, 0);
  }
});

async function smallBackup(): Promise<{ readonly root: string; readonly backup: string }> {
  const root = newDirectory();
  const directory = join(root, 'data');
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 3 } });
  await headrace.ingest(purchases, [{ purchase: 'p0', at: Date.now() - 1_000, user: 'ann', item: 'x', cents: 5 }]);
  const backup = join(root, 'backup');
  await backUpEnvironment(environmentOf(directory), backup, 1_700_000_000_000);
  await headrace.close();
  return { root, backup };
}

test('what was acknowledged when the backup began is in what is restored, and serves', async () => {
  const { root, backup } = await smallBackup();
  const directory = join(root, 'restored');
  mkdirSync(directory);
  expect(await restore(backup, directory)).toMatchObject({ project: 'shop', madeAt: 1_700_000_000_000 });
  expect(readdirSync(root)).toContain('restored');
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 3 } });
  expect((await headrace.vector(service, { user: 'ann' })).features).toMatchObject({ own_n_1h: 1, own_spent_1h: 5 });
  await headrace.close();
});

test('a restore is in the audit log of what it restored, also one that failed, which does not stand in the way of the next', async () => {
  const { root, backup } = await smallBackup();
  const directory = join(root, 'restored');
  const config = join(root, 'headrace.config.mjs');
  writeFileSync(
    config,
    `import { project } from ${JSON.stringify(new URL('../loop/shop.ts', import.meta.url).href)};
export default { project, environments: { local: { directory: ${JSON.stringify(directory)} } } };`,
  );
  const run = (folder: string) => {
    const terminal = { out: () => undefined, err: () => undefined, interactive: false, stopped: Promise.resolve() };
    return restoreCommand.run(parseCall(restoreCommand, [folder, '--config', config], terminal));
  };
  await expect(run(join(root, 'nothing'))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  await run(backup);
  await expect(run(backup)).rejects.toMatchObject({ code: 'BACKUP_FOLDER' });
  const lines = readFileSync(join(directory, 'audit.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { what: 'restore', target: join(root, 'nothing'), outcome: 'BACKUP_DAMAGED' },
    { what: 'restore', target: backup, outcome: 'done' },
    { what: 'restore', target: backup, outcome: 'BACKUP_FOLDER' },
  ]);
});

test('a backup that has changed, or was not finished, is refused, and nothing is put in place', async () => {
  const { root, backup } = await smallBackup();
  const { files } = JSON.parse(readFileSync(join(backup, 'backup.json'), 'utf8')) as {
    files: { path: string; bytes: number }[];
  };
  const damages: readonly ((folder: string) => void)[] = [
    (folder) => rmSync(join(folder, 'backup.json')),
    (folder) => truncateSync(join(folder, 'backup.json'), 40),
    ...files
      .filter(({ bytes }) => bytes > 0)
      .flatMap(({ path, bytes }) => [
        (folder: string) => rmSync(join(folder, path)),
        (folder: string) => truncateSync(join(folder, path), bytes - 1),
        (folder: string) => {
          const content = readFileSync(join(folder, path));
          content[Math.floor(bytes / 2)] ^= 1;
          writeFileSync(join(folder, path), content);
        },
      ]),
  ];
  expect(damages.length).toBeGreaterThan(10);
  for (const [i, damage] of damages.entries()) {
    const copy = join(root, `copy-${i}`);
    cpSync(backup, copy, { recursive: true });
    damage(copy);
    await expect(restore(copy, join(root, 'target'))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
    expect(readdirSync(root).filter((name) => name.startsWith('target'))).toEqual([]);
    rmSync(copy, { recursive: true });
  }
});

test('neither a backup nor a restore touches a folder that has something, and a later format is distinguished', async () => {
  const { root, backup } = await smallBackup();
  const environment = environmentOf(join(root, 'data'));
  await expect(backUpEnvironment(environment, backup, 0)).rejects.toMatchObject({ code: 'BACKUP_FOLDER' });
  await expect(restore(backup, join(root, 'data'))).rejects.toMatchObject({ code: 'BACKUP_FOLDER' });
  const nothing = environmentOf(join(root, 'nothing'));
  await expect(backUpEnvironment(nothing, join(root, 'b'), 0)).rejects.toMatchObject({ code: 'BACKUP_NOTHING' });
  const file = join(backup, 'backup.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 1', '"format": 2'));
  await expect(restore(backup, join(root, 'other'))).rejects.toMatchObject({ code: 'BACKUP_FORMAT' });
});
