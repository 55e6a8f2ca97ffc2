import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findInstallation, historyRunner } from '../../src/backends/spark/installation.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';

/** A folder that looks like Spark of a version from outside. */
function homeOf(version: string): string {
  const home = mkdtempSync(join(tmpdir(), 'spark-home-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  for (const name of ['bin', 'jars', 'java/bin']) mkdirSync(join(home, name), { recursive: true });
  writeFileSync(join(home, 'bin/spark-submit'), '');
  writeFileSync(join(home, `jars/spark-core_2.13-${version}.jar`), '');
  return home;
}

/** Lets a JDK of this home be the one that is used. */
function useJava(home: string, javac: string | null): void {
  const before = process.env['JAVA_HOME'];
  onTestFinished(() => {
    if (before === undefined) delete process.env['JAVA_HOME'];
    else process.env['JAVA_HOME'] = before;
  });
  process.env['JAVA_HOME'] = join(home, 'java');
  if (javac === null) return;
  const path = join(home, 'java/bin/javac');
  writeFileSync(path, `#!/bin/sh\n${javac}\n`);
  chmodSync(path, 0o755);
}

test('a folder without spark-submit is no Spark', async () => {
  await expect(findInstallation({ home: '/nowhere', directory: '/tmp', program: historyRunner })).rejects.toMatchObject(
    { code: 'SPARK_HOME' },
  );
});

test.each(['3.5.1', '2.4.0'])('Spark %s is refused by its version', async (version) => {
  const home = homeOf(version);
  await expect(findInstallation({ home, directory: home, program: historyRunner })).rejects.toMatchObject({
    code: 'SPARK_VERSION',
    message: expect.stringContaining(version),
  });
});

test('a machine without a JDK, or with an old one, learns which is needed', async () => {
  const home = homeOf('4.3.0');
  useJava(home, null);
  await expect(findInstallation({ home, directory: home, program: historyRunner })).rejects.toMatchObject({
    code: 'SPARK_JAVA',
  });
  useJava(home, 'echo javac 11.0.2');
  await expect(findInstallation({ home, directory: home, program: historyRunner })).rejects.toMatchObject({
    code: 'SPARK_JAVA',
    message: expect.stringContaining('javac 11.0.2'),
  });
});

test('what a compiler says of the runner is reported, and leaves nothing behind', async () => {
  const home = homeOf('4.3.0');
  useJava(
    home,
    'case $1 in -version) echo javac 17.0.1;; *) echo "package org.apache.spark does not exist" >&2; exit 1;; esac',
  );
  const directory = join(home, 'made');
  await expect(findInstallation({ home, directory, program: historyRunner })).rejects.toMatchObject({
    code: 'SPARK_RUNNER',
    message: expect.stringContaining('package org.apache.spark does not exist'),
  });
});

test.each([
  [{ kind: 'spark' }, 'offline.engine.home'],
  [{ kind: 'spark', home: '/opt/spark', master: 'http://spark:7077' }, 'write local'],
  [{ kind: 'spark', home: '/opt/spark', conf: { memory: '8g' } }, 'offline.engine.conf.memory'],
])('wrong options of Spark are named: %j', (engine, told) => {
  expect(() => resolveEnvironment('production', { offline: { engine } } as never, 'site')).toThrow(
    expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining(told) }),
  );
});
