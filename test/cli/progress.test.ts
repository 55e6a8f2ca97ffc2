import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { progressLine } from '../../src/cli/terminal/progress.ts';
import { childEnv } from '../child-env.ts';
import { initProject, spawnCli } from './run-cli.ts';

const root = mkdtempSync(join(tmpdir(), 'headrace-progress-'));
const shop = join(root, 'shop');
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const noTerminal = spawnSync('script', ['--version']).status !== 0;
if (noTerminal) console.warn('SKIPPED: what a terminal shows; the program script (util-linux) is not here');

beforeAll(async () => {
  await initProject(root, 'shop');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a line is never wider than the terminal, has no control characters, and its share is never more than all', () => {
  const shown = fc.record({
    label: fc.string({ maxLength: 40 }),
    note: fc.oneof(fc.string({ maxLength: 200 }), fc.constant('\u001b[31mred\u001b[0m\r\nnext')),
    done: fc.nat(),
    total: fc.option(fc.nat()),
    seconds: fc.nat(),
    turn: fc.nat(),
  });
  fc.assert(
    fc.property(shown, fc.integer({ min: 1, max: 300 }), (so, columns) => {
      const line = progressLine(so, columns);
      expect(line.length).toBeLessThan(Math.max(columns, 1));
      expect(line).not.toMatch(/\p{Cc}/u);
      const percent = /(\d+) %/.exec(progressLine({ ...so, label: 'work', note: '' }, 300))?.[1];
      if (so.total === null || so.total === 0) expect(percent).toBeUndefined();
      else expect(Number(percent)).toBe(Math.min(100, Math.floor((100 * so.done) / so.total)));
    }),
  );
});

/** Runs a command on its own terminal; what it showed. */
async function onTerminal(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const call = [process.execPath, '--conditions=headrace-source', MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const env = { ...childEnv(), TERM: 'xterm', ...variables };
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'CI', 'NODE_DISABLE_COLORS'])
    if (!(name in variables)) delete (env as NodeJS.ProcessEnv)[name];
  const child = spawn('script', ['-qec', call, '/dev/null'], { cwd: shop, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let shown = '';
  child.stdout.on('data', (bytes: Buffer) => (shown += bytes.toString()));
  await once(child, 'close');
  return shown;
}

test.skipIf(noTerminal)('a terminal shows how far a command is, and keeps only its result', async () => {
  const shown = await onTerminal(['ingest', 'visits', 'data/visits.csv', '--bootstrap']);
  expect(shown).toMatch(/ingest visits \[[#-]+\]/);
  // The last line was cleared before the result came.
  expect(shown.split('\u001b[2K').at(-1)?.trim()).toBe('');
  expect(shown).toContain('visits: 3000 rows: 3000 accepted');
});

test.skipIf(noTerminal)(
  'errors are in colour on a terminal, and not where NO_COLOR forbids it or nobody looks',
  async () => {
    expect(await onTerminal(['trian'])).toContain('\u001b[31mCLI_COMMAND:\u001b[39m');
    expect(await onTerminal(['trian'], { NO_COLOR: '1' })).not.toContain('\u001b[3');
    expect((await spawnCli(shop, ['trian'])).err).not.toContain('\u001b');
  },
);
