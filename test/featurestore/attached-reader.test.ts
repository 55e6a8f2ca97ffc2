import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { childEnv } from '../child-env.ts';
import { project } from '../server/shop.ts';
import { until } from '../until.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function open(): Promise<{ readonly headrace: Headrace; readonly directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-readers-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  ending.push(() => headrace.close());
  return { headrace, directory };
}

async function attach(directory: string): Promise<{ readonly child: ChildProcess; readonly printed: () => string }> {
  const program = fileURLToPath(new URL('./attached-reader.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, join(directory, 'online')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnv(),
  });
  ending.push(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes;
  });
  await until(() => text.includes('open\n'));
  return { child, printed: () => text };
}

const purchase = (number: number) => ({ id: `e-${number}`, at: Date.now(), user: 'ann', price: 1, number });

test('a reader of another process gets a commit with the next tick, and has gone when it is gone', async () => {
  const { headrace, directory } = await open();
  expect(insideOf(headrace).features.hasReaders).toBe(false);
  const { child, printed } = await attach(directory);
  await until(() => insideOf(headrace).features.hasReaders);
  await headrace.ingest(headrace.source('purchases'), [purchase(1)]);
  await headrace.tick();
  await until(() => printed().includes('changed\n'));
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await until(() => !insideOf(headrace).features.hasReaders);
});
