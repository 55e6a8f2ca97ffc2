import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { collectEnvironments } from '../../src/backends/python/collect-environments.ts';
import { EnvironmentUses } from '../../src/backends/python/environment-uses.ts';
import { clearFolders } from '../../src/backends/python/model-folder.ts';
import { neededVersions } from '../../src/registry/needed-versions.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { until } from '../until.ts';
import { draws } from './draws.ts';

const HOUR_MS = 3_600_000;
/** A number that no process of Linux has. */
const DEAD = 2 ** 30;

interface Site {
  readonly directory: string;
  readonly uses: EnvironmentUses;
  readonly names: () => readonly string[];
  readonly make: (name: string, usedAgoMs?: number) => void;
  readonly collect: (needed: readonly string[], before?: number) => ReturnType<typeof collectEnvironments>;
}

function openSite(): Site {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-collect-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'venvs'));
  const uses = new EnvironmentUses(join(directory, 'uses'));
  return {
    directory,
    uses,
    names: () => readdirSync(join(directory, 'venvs')).sort(),
    make: (name, usedAgoMs = 0) => {
      const folder = join(directory, `scratch-${name}`);
      mkdirSync(join(folder, 'bin'), { recursive: true });
      for (let i = 0; i < 50; i += 1) writeFileSync(join(folder, 'bin', `file${i}`), '');
      const at = (Date.now() - usedAgoMs) / 1_000;
      utimesSync(folder, at, at);
      // Whole or not there, as pip's are.
      if (existsSync(join(directory, 'venvs', name))) rmSync(folder, { recursive: true });
      else renameSync(folder, join(directory, 'venvs', name));
    },
    collect: (needed, before = Number.POSITIVE_INFINITY) =>
      collectEnvironments({ directory, uses, needed: new Set(needed), before }),
  };
}

describe('environments of Python models', () => {
  test('those that are needed, in use or used lately stay; the others go', async () => {
    const { make, uses, collect, names, directory } = openSite();
    for (const name of ['needed', 'held', 'old']) make(name, 2 * HOUR_MS);
    make('new');
    const release = await uses.hold('held');
    const before = Date.now() - HOUR_MS;
    const collected = await collect(['needed'], before);
    expect(collected).toEqual({ seen: 4, removed: 1, isBusy: false });
    expect(names()).toEqual(['held', 'needed', 'new']);
    expect(readdirSync(directory).sort()).toEqual(['uses', 'venvs']);
    await release();
    expect(await collect(['needed'])).toMatchObject({ removed: 2 });
    expect(names()).toEqual(['needed']);
  });

  test('the use and the collection of a process that has died count for nothing', async () => {
    const { make, collect, names, directory } = openSite();
    make('left');
    mkdirSync(join(directory, 'uses'));
    const use = join(directory, 'uses', `left.${DEAD}.00000000-0000-4000-8000-000000000000`);
    writeFileSync(use, '');
    writeFileSync(use.replace('left', 'collector'), '');
    expect(await collect([])).toMatchObject({ removed: 1, isBusy: false });
    expect(names()).toEqual([]);
    expect(readdirSync(join(directory, 'uses'))).toEqual([]);
  });

  test('one process collects at a time, and a hold waits for it', async () => {
    const { make, uses, collect, directory } = openSite();
    make('one');
    const order: string[] = [];
    const held = await uses.collecting(async () => {
      expect(await collect([])).toEqual({ seen: 1, removed: 0, isBusy: true });
      const holding = uses.hold('one').then((release) => {
        order.push('held');
        return release;
      });
      await until(() => readdirSync(join(directory, 'uses')).length === 2);
      order.push('collected');
      return { holding };
    });
    await (await held?.holding)?.();
    expect(order).toEqual(['collected', 'held']);
  });

  test('whatever the order of holds and collections, an environment that was there when its hold began stays', async () => {
    const { make, uses, collect, directory } = openSite();
    const draw = draws(5);
    let checked = 0;
    const user = async (i: number) => {
      for (let round = 0; round < 40; round += 1) {
        const name = `e${draw(4)}`;
        if (draw(2) === 0) make(name);
        const release = await uses.hold(name);
        if (existsSync(join(directory, 'venvs', name, 'bin', 'file0'))) {
          for (let turn = 0; turn < draw(5); turn += 1) {
            await new Promise(setImmediate);
            expect(existsSync(join(directory, 'venvs', name, 'bin', 'file0')), `${i}/${round}`).toBe(true);
            checked += 1;
          }
        }
        await release();
      }
    };
    let isDone = false;
    const collector = async () => {
      while (!isDone) {
        await collect([]);
        await new Promise(setImmediate);
      }
    };
    const collecting = [collector(), collector()];
    await Promise.all([0, 1, 2].map(user));
    isDone = true;
    await Promise.all(collecting);
    expect(checked).toBeGreaterThan(20);
  });

  test('a collector that is killed leaves what is needed, and its remains go at the next start', async () => {
    const { make, uses, directory, names, collect } = openSite();
    make('needed');
    const release = await uses.hold('held');
    make('held');
    const program = fileURLToPath(new URL('./python-collect-program.ts', import.meta.url));
    const args = ['--conditions=headrace-source', program, directory, join(directory, 'uses'), 'needed'];
    const draw = draws(9);
    for (let round = 0; round < 4; round += 1) {
      const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      if (child.stdout !== null) await once(child.stdout, 'data');
      for (let i = 0; i < 30 + draw(60); i += 1) {
        make(`x${round}-${i}`);
        await new Promise(setImmediate);
      }
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(names()).toEqual(expect.arrayContaining(['held', 'needed']));
      expect(existsSync(join(directory, 'venvs', 'held', 'bin', 'file49'))).toBe(true);
    }
    await clearFolders(directory);
    expect(readdirSync(directory).filter((name) => name.startsWith('making-'))).toEqual([]);
    expect(await collect(['needed'])).toMatchObject({ isBusy: false });
    expect(names()).toEqual(['held', 'needed']);
    await release();
  });
});

test('versions with an alias, held ones and the newest of each model are needed', async () => {
  const registry = openSqliteRegistry(':memory:');
  const more = { source: '', run: '', runLink: '', loggedModel: '', user: '', description: '', tags: [], files: [] };
  await registry.createModel({ name: 'm', description: '', tags: [], at: 1 });
  for (let i = 0; i < 5; i += 1) await registry.createVersion({ ...more, model: 'm', digest: null, at: 1 });
  await registry.moveAlias('m', 'champion', { expected: null, to: 2, at: 2 });
  await registry.hold({ holder: 'rollout', model: 'm', version: 3 });
  const needed = await neededVersions(registry);
  expect(needed.map(({ version }) => version).sort()).toEqual([2, 3, 5]);
});
