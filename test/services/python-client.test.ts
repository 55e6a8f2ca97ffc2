// @module-tag deep
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openHeadrace, startServer } from 'headrace';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import project from '../../examples/flights/declaration.ts';
import { buildConsole } from '../../scripts/build-console.ts';
import { runCommand } from '../../scripts/run-command.ts';
import { addressOf } from './addresses.ts';

const CLIENT = fileURLToPath(new URL('../../clients/python', import.meta.url));

/** The tests of the client read the page of a report. */
beforeAll(async () => {
  expect(await buildConsole()).toMatchObject({ code: 0 });
}, 600_000);

async function python(interpreter: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, output } = await runCommand(interpreter, args, { cwd: CLIENT, env, limitMs: null });
  expect(code, output.slice(-6_000)).toBe(0);
  return output;
}

test.for([
  ['pandas 2', 'PYTHON_CLIENT_2'],
  ['pandas 3', 'PYTHON_CLIENT_3'],
] as const)('the Python client passes its tests against a real server, with %s', async ([, variable]) => {
  const [interpreter = ''] = addressOf(variable);
  const output = await python(interpreter, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests'], {
    PYTHONPATH: 'src',
    PYTHONDONTWRITEBYTECODE: '1',
  });
  expect(output).toMatch(/\d+ passed/);
  expect(output).not.toMatch(/skipped|failed/);
});

test('its types are strict, its synchronous client and its types of answers are those of their sources', async () => {
  const [interpreter = ''] = addressOf('PYTHON_CLIENT_3');
  await python(interpreter, ['-m', 'mypy', '--no-incremental']);
  await python(interpreter, ['make_sync.py', '--check']);
  const folder = newFolder();
  const headrace = await openHeadrace({ project, environment: { directory: join(folder, 'data') } });
  onTestFinished(() => headrace.close());
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  onTestFinished(() => server.close());
  writeFileSync(join(folder, 'openapi.json'), await (await fetch(`${server.url}/openapi.json`)).text());
  await python(interpreter, ['generate_types.py', join(folder, 'openapi.json'), '--check']);
});

test('its wheel and its source archive are whole, and the installed wheel imports', async () => {
  const [interpreter = ''] = addressOf('PYTHON_CLIENT_3');
  const folder = newFolder();
  await python(interpreter, ['-m', 'build', '--no-isolation', '--outdir', folder, '.']);
  const files = readdirSync(folder).map((name) => join(folder, name));
  expect(files).toHaveLength(2);
  await python(interpreter, ['-m', 'twine', 'check', '--strict', ...files]);
  const [wheel = ''] = files.filter((name) => name.endsWith('.whl'));
  const installed = join(folder, 'installed');
  await python(interpreter, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', installed, wheel]);
  const shown = await python(interpreter, ['-c', 'import headrace; print(headrace.__file__, headrace.__version__)'], {
    PYTHONPATH: installed,
  });
  expect(shown).toContain(installed);
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-python-client-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
