import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { shopFolder } from '../away/serve-away.ts';
import { childEnv } from '../child-env.ts';
import { until } from '../until.ts';

/** What npx finds in the folder. */
const COMMAND = 'headrace';
const NPX = 'npx';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** A folder with a project in which headrace is installed. */
function installed(): string {
  const folder = shopFolder({});
  const bin = join(folder, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\nexec "${process.execPath}" --conditions=headrace-source "${MAIN}" "$@"\n`;
  writeFileSync(join(bin, COMMAND), script, { mode: 0o755 });
  return folder;
}

test.each(['SIGTERM', 'SIGKILL'] as const)('a server that npx runs ends when npx is ended by %s', async (signal) => {
  const folder = installed();
  try {
    // A process group of its own: a test that fails leaves nothing behind.
    const npx = spawn(NPX, ['--no', COMMAND, 'serve', '--port', '0', '--json'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: childEnv(),
      detached: true,
    });
    let [out, err] = ['', ''];
    npx.stdout.on('data', (bytes: Buffer) => {
      out += bytes;
    });
    npx.stderr.on('data', (bytes: Buffer) => {
      err += bytes;
    });
    try {
      await until(() => {
        if (/\{"url".*\n/.test(out)) return true;
        throw new Error(err);
      });
      // The pipes are the server's too: they close when it has ended.
      const ended = once(npx, 'close');
      npx.kill(signal);
      await ended;
      expect(err).not.toMatch(/CLOSE_|unexpected/);
    } finally {
      try {
        process.kill(-(npx.pid ?? 0), 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
