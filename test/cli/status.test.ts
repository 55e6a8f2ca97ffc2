import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Command } from '../../src/cli/command.ts';
import { slo } from '../../src/cli/commands/slo.ts';
import { mustBeOurs, status } from '../../src/cli/commands/status.ts';
import { openControl } from '../../src/cli/link/control-socket.ts';
import { parseStatus } from '../../src/cli/link/parse-status.ts';
import { loadConfig } from '../../src/cli/open/load-config.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';
import { project } from '../server/shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-status-'));
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** What the command prints, asked of a server. */
async function printed(server: string, json: boolean): Promise<string> {
  return printedBy(status, [server, ...(json ? ['--json'] : [])]);
}

async function printedBy(command: Command, args: readonly string[]): Promise<string> {
  let out = '';
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: () => undefined,
    interactive: false,
    stopped: new Promise<void>(() => undefined),
  };
  await command.run(parseCall(command, args, terminal));
  return out;
}

const STRANGERS = [
  '',
  'OK',
  '<!doctype html>',
  'null',
  '[]',
  '{}',
  '3',
  '{"status":"ok"}',
  '{"project":"p","ready":true}',
  '{"project":1}',
];

test.each(STRANGERS)('what answers 200 with "%s" is no server of Headrace', async (body) => {
  const other = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  for (const json of [false, true])
    await expect(printed(url, json)).rejects.toMatchObject({ code: 'SERVER_STRANGER', facts: { server: url } });
  other.closeAllConnections();
  other.close();
});

test('the status of a server is known, and is none without any one of the members that every process has', async () => {
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  expect(await printed(server.url, false)).toMatch(/^shop: ready, degraded, namespace shop/);
  const whole = JSON.parse(await printed(server.url, true)) as Record<string, unknown>;
  expect(parseStatus(JSON.stringify(whole), 'here')).toEqual(whole);
  for (const member of ['project', 'namespace', 'at', 'ready', 'waiting', 'degraded', 'views', 'services']) {
    const { [member]: _, ...rest } = whole;
    expect(() => parseStatus(JSON.stringify(rest), 'here')).toThrow(
      new RegExp(`SERVER_STRANGER|no ${member}|is not a Headrace server`),
    );
  }
  await server.close();
});

test('where no server is named, what answers must be of the project and the namespace of the configuration', async () => {
  const config = fileURLToPath(new URL('../../bench/headrace.config.ts', import.meta.url));
  const { project: ours, environment } = await loadConfig({ options: { config } });
  const call = { options: { config } };
  const found = { project: ours.name, namespace: environment.namespace };
  await expect(mustBeOurs(call, found)).resolves.toBeUndefined();
  for (const other of [
    { ...found, project: 'other' },
    { ...found, namespace: 'other' },
  ])
    await expect(mustBeOurs(call, other)).rejects.toMatchObject({ code: 'SERVER_PROJECT' });
  const none = { options: { config: join(directory, 'none.ts') } };
  await expect(mustBeOurs(none, found)).rejects.toMatchObject({ code: 'CONFIG_FILE' });
});

test('where no server is named, status and slo find the one that has the environment open, on whatever port', async () => {
  const config = join(directory, 'headrace.config.ts');
  const shop = fileURLToPath(new URL('../server/shop.ts', import.meta.url));
  const environments = JSON.stringify({ local: { directory, partitions: 1 } });
  writeFileSync(
    config,
    `import { project } from ${JSON.stringify(shop)};\nexport default { project, environments: ${environments} };\n`,
  );
  const control = await openControl(headrace, { bodyLimit: 20_000 }, (error) => expect(error).toBeUndefined());
  expect(control).not.toBeNull();
  const args = ['--config', config];
  expect(await printedBy(status, args)).toMatch(/^shop: ready/);
  expect(await printedBy(slo, args)).toContain('shop');
  await control?.close();
});

test('a server waits for a model that its environment requires, and an unknown one is refused before a store is opened', async () => {
  const environment = (requiredModels: readonly string[]) => ({
    directory: join(directory, 'required'),
    partitions: 1,
    requiredModels: [...requiredModels],
  });
  await expect(openHeadrace({ project, environment: environment(['none']) })).rejects.toMatchObject({
    code: 'MODEL_UNKNOWN',
  });
  const required = await openHeadrace({ project, environment: environment(['risk']) });
  const server = await startServer(required, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  expect(await printed(server.url, false)).toMatch(/^shop: not ready.*\n {2}waiting: model risk has no champion$/m);
  await server.close();
  await required.close();
});
