import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tileJobsFolder } from '../../src/backends/spark/folders.ts';
import { type Environment, resolveEnvironment } from '../../src/environment/config.ts';
import { withScratch } from '../../src/site/scratch.ts';

/** A process that ends when it is asked to as a driver is, and says of itself what one says. */
function drive(directory: string) {
  const folder = join(tileJobsFolder(directory), '0123abcd');
  mkdirSync(folder, { recursive: true });
  const process = spawn('sh', ['-c', 'until [ -e stop ]; do sleep 0.05; done'], { cwd: folder });
  onTestFinished(() => {
    process.kill('SIGKILL');
  });
  const said = { format: 1, run: 'r', application: 'local-1', state: 'RUNNING', failures: [] };
  const here = { host: hostname(), pid: process.pid, at: Date.now() };
  writeFileSync(join(folder, 'status.json'), JSON.stringify({ ...said, ...here }));
  return { folder, process, ended: once(process, 'exit') };
}

test('what is tried out ends its own drivers, and none of the environment', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'scratch-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const { log, ...rest } = resolveEnvironment(
    'production',
    { directory, engine: { kind: 'spark', home: '/nowhere' }, log: { kind: 'kafka', brokers: ['127.0.0.1:1'] } },
    'shop',
  );
  // What it does in Kafka is another matter.
  const environment: Environment = { ...rest, log: resolveEnvironment('local', {}, 'shop').log };
  expect(log.kind).toBe('kafka');
  const own = drive(directory);
  const tried: ReturnType<typeof drive>[] = [];
  const work = async (environmentOf: (run: number) => Environment) => {
    tried.push(drive(environmentOf(3).directory));
  };
  await withScratch('production', environment, work, (error) => {
    throw error;
  });
  await tried[0].ended;
  expect(tried[0].process.signalCode).toBeNull();
  expect(existsSync(tried[0].folder)).toBe(false);
  expect(own.process.exitCode).toBeNull();
  expect(existsSync(join(own.folder, 'stop'))).toBe(false);
});
