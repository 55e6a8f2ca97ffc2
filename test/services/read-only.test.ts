import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCli } from '../cli/run-cli.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { deepIf } from './deep.ts';
import { until } from './until.ts';

const [index, shop] = ['../../src/index.ts', '../server/shop.ts'].map(
  (path) => new URL(path, import.meta.url).pathname,
);

/** A folder as of one machine: the configuration, and nothing that another has. */
function machine(prefix: string, urls: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-machine-'));
  const online = { kind: 'redis', url: urls.length > 1 ? urls : urls[0], timeout: '2s' };
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(shop)};
const environment = { directory: 'data', namespace: '${prefix}', online: ${JSON.stringify(online)} };
export default defineConfig({ project, environments: { local: environment } });`,
  );
  return folder;
}

interface Answer {
  readonly features: Readonly<Record<string, unknown>>;
  readonly ages: { readonly streaming: number };
  readonly degraded: boolean;
}

const stores = [
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const;

for (const [name, variable] of stores)
  describe(`processes of other machines on ${name}`, deepIf(name !== 'Redis'), () => {
    const folders: string[] = [];
    const running: ChildProcess[] = [];
    let writerUrl = '';
    let readerUrl = '';
    let writer: ChildProcess;

    async function serve(folder: string, ...more: readonly string[]) {
      const child = startCli(folder, ['serve', '--port', '0', '--json', ...more]);
      running.push(child);
      const [line]: unknown[] = await once(child.stdout ?? child, 'data');
      return { child, url: (JSON.parse(String(line)) as { url: string }).url };
    }

    beforeAll(async () => {
      const { prefix, urls } = freshOptions(addressOf(variable));
      folders.push(machine(prefix, urls), machine(prefix, urls));
      ({ child: writer, url: writerUrl } = await serve(folders[0]));
      ({ url: readerUrl } = await serve(folders[1], '--read-only', '--workers', '2'));
    });

    afterAll(async () => {
      for (const child of running.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });

    const send = (url: string, body: unknown) =>
      fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

    async function read(url: string, user: string): Promise<Answer> {
      const answer = await send(`${url}/v1/features/shopper`, { request: { user, price: 1 } });
      expect(answer.status).toBe(200);
      return (await answer.json()) as Answer;
    }

    const buy = (at: number, numbers: readonly number[], user = 'ann') =>
      send(
        `${writerUrl}/v1/events/purchases`,
        numbers.map((number) => ({ id: `e-${number}`, at, user, price: 1.25, number })),
      );

    test('what the process that writes was sent, readers elsewhere answer, equal in every feature', async () => {
      expect((await buy(Date.now() - 1_000, [1, 2, 3])).status).toBe(200);
      await until(async () => (await read(readerUrl, 'ann')).features['spend_purchases_7d'] === 3);
      const [theirs, ours] = await Promise.all([read(readerUrl, 'ann'), read(writerUrl, 'ann')]);
      expect(theirs.features).toEqual(ours.features);
      expect(theirs.features).toMatchObject({ spend_spent_7d: '3.75', spend_purchases_1h: 3 });
      await until(async () => !(await read(readerUrl, 'ann')).degraded);
      // Again, of a key that was read before.
      expect((await buy(Date.now() - 500, [4])).status).toBe(200);
      await until(async () => (await read(readerUrl, 'ann')).features['spend_purchases_7d'] === 4);
      expect((await read(readerUrl, 'nobody')).features).toMatchObject({ spend_purchases_7d: 0 });
    });

    test('they take no events', async () => {
      const refused = await send(`${readerUrl}/v1/events/purchases`, {
        id: 'x',
        at: 1,
        user: 'ann',
        price: 1,
        number: 9,
      });
      expect(await refused.text()).toContain('SERVER_READ_ONLY');
    });

    test('while nobody writes they answer what is there, and say how old it is', async () => {
      const ended = once(writer, 'exit');
      writer.kill('SIGTERM');
      await ended;
      await until(async () => (await read(readerUrl, 'ann')).ages.streaming > 1_500);
      expect((await read(readerUrl, 'ann')).features).toMatchObject({ spend_purchases_7d: 4 });
    });
  });
