import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PythonEnvironments } from '../../src/backends/python/environments.ts';

/** A wheel as pip reports it. */
interface Wheel {
  readonly name: string;
  readonly archive: object;
}

const DIGEST = 'a'.repeat(64);

/**
 * Environments made by a program that answers as Python and pip do: its version, a report of these wheels, and an installation that
 * keeps the lock that it was given.
 */
function environmentsOf(wheels: readonly Wheel[]) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-prepare-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const report = {
    install: wheels.map(({ name, archive }) => ({
      metadata: { name, version: '1.0' },
      download_info: { archive_info: archive },
    })),
  };
  writeFileSync(join(directory, 'report.json'), JSON.stringify(report));
  const interpreter = join(directory, 'python');
  writeFileSync(
    interpreter,
    `#!/bin/sh
case "$*" in
  *sys.version_info*) echo 3.11.7 ;;
  *"-m venv"*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *--dry-run*) cat ${directory}/report.json ;;
  *--require-hashes*) cat lock.txt > ${directory}/installed.txt ;;
esac
`,
  );
  chmodSync(interpreter, 0o755);
  const environments = new PythonEnvironments({ directory: join(directory, 'env'), interpreter, installMs: 60_000 });
  onTestFinished(() => environments.close());
  return { environments, directory };
}

const wanted = { of: { model: 'm', version: 1 }, python: null, lines: ['a', 'b'], extras: [], constraints: [] };

test('an environment is locked by the digest of each wheel, and says what it does', async () => {
  const { environments, directory } = environmentsOf([
    { name: 'b', archive: { hash: `sha256=${DIGEST}` } },
    { name: 'a', archive: { hash: 'md5=1', hashes: { md5: '1', sha256: DIGEST } } },
  ]);
  const lines: string[] = [];
  await environments.make(wanted, (line) => lines.push(line));
  const [lock] = readdirSync(join(directory, 'env/venvs'));
  expect(lines).toEqual([
    'resolving 2 requirements to wheels, for Python 3.11.7',
    `installing 2 packages of the lock ${lock}, each by the digest of its wheel`,
  ]);
  expect(readFileSync(join(directory, 'installed.txt'), 'utf8')).toBe(
    `# Python 3.11.7\na==1.0 --hash=sha256:${DIGEST}\nb==1.0 --hash=sha256:${DIGEST}\n`,
  );
  await environments.make(wanted, (line) => lines.push(line));
  expect(lines.slice(2)).toEqual([`its environment is there: ${lock}`]);
});

test.each([{}, { hash: '' }, { hash: 'md5=1' }, { hashes: { md5: '1' } }])(
  'a package without a digest is refused by its name: %o',
  async (archive) => {
    const { environments } = environmentsOf([{ name: 'b', archive }]);
    await expect(environments.make(wanted)).rejects.toMatchObject({
      code: 'PYTHON_INSTALL',
      message: expect.stringContaining('no sha256 of b 1.0'),
    });
  },
);
