import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { childEnv } from '../child-env.ts';
import { linkHeadrace, startCli } from '../cli/run-cli.ts';
import { until } from '../until.ts';
import { places, starts } from './places.ts';
import { descendants, type Listed, listed } from './processes.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

const PROJECT = `import { defineConfig, defineProject, eventSource, text, time } from 'headrace';

const visits = eventSource('visits', { id: 'visit', time: 'at', columns: { visit: text(), at: time() } });

export default defineConfig({
  project: defineProject('shop', { visits }),
  environments: { local: { directory: './data', registry: { port: 5000 } } },
});
`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'children-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  linkHeadrace(folder);
  writeFileSync(join(folder, 'headrace.config.ts'), PROJECT);
});

/** Files of src that use a function of `process` which starts something, or a cluster. */
function starters(): readonly string[] {
  const starts =
    /import \{[^}]*\} from '[./]*\/process\/(start-child|run-to-end|temporary-folder)\.ts'|cluster\.fork\(/;
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('process/'))
    .filter((path) => starts.test(readFileSync(join(SRC, path), 'utf8')));
}

/** Kills a process and waits until nothing of what it started is left. */
async function leavesNothing(parent: ChildProcess): Promise<readonly Listed[]> {
  const before = descendants(parent.pid ?? 0);
  onTestFinished(() => {
    const left = new Set(before.map(({ pid }) => pid));
    for (const { pid, command } of listed())
      if (left.has(pid) && before.some((one) => one.pid === pid && one.command === command))
        process.kill(pid, 'SIGKILL');
  });
  const ended = once(parent, 'exit');
  parent.kill('SIGKILL');
  await ended;
  await until(
    () => {
      const now = listed();
      const left = before.filter(({ pid, command }) => now.some((one) => one.pid === pid && one.command === command));
      return left.length === 0 || left.map(({ command }) => command.slice(0, 200)).join('\n');
    },
    { everyMs: 50 },
  );
  return before;
}

/** A port that was free just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function printed(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => (text += String(bytes)));
  return () => text;
}

test('every place that starts a child is known to the test that kills the parent', () => {
  expect(new Set(starters())).toEqual(new Set(Object.keys(places)));
});

test('no child of any place outlives a parent that is killed', async () => {
  const sleeper = join(folder, 'sleeper');
  writeFileSync(sleeper, "#!/bin/sh\ntrap '' TERM INT HUP\nexec sleep 86400\n", { mode: 0o755 });
  const program = fileURLToPath(new URL('processes/places-parent.ts', import.meta.url));
  const parent = spawn(process.execPath, ['--conditions=headrace-source', program, folder, sleeper], {
    env: childEnv(),
  });
  const said = printed(parent);
  await until(() => said().includes('all run') || said(), { everyMs: 50 });
  const before = await leavesNothing(parent);
  const started = starts.length;
  // Each has its guard.
  expect(before.filter(({ command }) => command.startsWith('sleep ')).length).toBe(started);
  expect(before.filter(({ command }) => command.startsWith('/bin/sh -c')).length).toBeGreaterThanOrEqual(started);
});

test('a killed group of serving processes leaves no process and no file in the temporary folder', async () => {
  const place = join(folder, 'tmp');
  mkdirSync(place);
  const config = PROJECT.replace('5000', String(await freePort()));
  writeFileSync(join(folder, 'headrace.config.ts'), config);
  const parent = startCli(folder, ['serve', '--workers', '1', '--port', '0'], { TMPDIR: place });
  const said = printed(parent);
  await until(() => (said().includes('listening on') && said().includes('MLFLOW_TRACKING_URI')) || said());
  const before = await leavesNothing(parent);
  // Writer, reader and registry.
  expect(before.filter(({ command }) => command.includes('/cli/main.ts')).length).toBeGreaterThanOrEqual(3);
  await until(() => readdirSync(place).length === 0 || readdirSync(place).join());
  expect(existsSync(join(folder, 'data'))).toBe(true);
});
