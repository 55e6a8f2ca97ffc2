import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lastJson, linkHeadrace, runCli, spawnCli } from './run-cli.ts';

test('a folder with a space, a file with line ends of Windows and a busy port: each works or names the next step', async () => {
  const root = mkdtempSync(join(tmpdir(), 'headrace bad input-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const made = await runCli(root, ['init', 'my shop', '--template', 'features']);
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining("cd 'my shop'") });
  const shop = join(root, 'my shop');
  linkHeadrace(shop);

  const lines = readFileSync(join(shop, 'data/visits.csv'), 'utf8').trimEnd().split('\n').slice(0, 200);
  writeFileSync(join(shop, 'data/from windows.csv'), `${lines.join('\r\n')}\r\n`);
  const taken = await runCli(shop, ['ingest', 'visits', 'data/from windows.csv', '--bootstrap', '--json']);
  expect(lastJson(taken)).toMatchObject({ rows: lines.length - 1, accepted: lines.length - 1, refused: 0 });

  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const busy = await spawnCli(shop, ['serve', '--port', String(port)]);
  expect(busy.code).not.toBe(0);
  expect(busy.err).toMatch(new RegExp(`SERVER_ADDRESS: .*${port}.*\\n.*--port`));
});
