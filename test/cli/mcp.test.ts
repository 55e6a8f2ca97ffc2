import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import fc from 'fast-check';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Terminal } from '../../src/cli/command.ts';
import { mcp } from '../../src/cli/commands/mcp.ts';
import { argumentsOf } from '../../src/cli/mcp/call-tool.ts';
import { mcpTools } from '../../src/cli/mcp/tools.ts';
import { optionsOf, parseCall } from '../../src/cli/options/parse-call.ts';
import { driftTemplate } from '../../src/cli/scaffold/drift-template.ts';
import { gpuTemplate } from '../../src/cli/scaffold/gpu-template.ts';
import { modelTemplate } from '../../src/cli/scaffold/model-template.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { childEnv } from '../child-env.ts';
import { until } from '../until.ts';
import { ended, linkHeadrace, startCli } from './run-cli.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const silent: Terminal = {
  out: () => undefined,
  err: () => undefined,
  interactive: false,
  stopped: new Promise(() => undefined),
};
const root = mkdtempSync(join(tmpdir(), 'headrace-mcp-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function connected(transport: Parameters<Client['connect']>[0]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  ends.push(() => client.close());
  await client.connect(transport);
  return client;
}

function overStdio(cwd: string, ...args: readonly string[]): Promise<Client> {
  const call = ['--conditions=headrace-source', MAIN, 'mcp', ...args];
  const env = Object.fromEntries(Object.entries(childEnv()).flatMap(([name, value]) => (value ? [[name, value]] : [])));
  return connected(new StdioClientTransport({ command: process.execPath, args: call, cwd, env }));
}

/** The JSON that a tool answers. */
async function answerOf(client: Client, name: string, args: Record<string, unknown>) {
  const { content, isError } = await client.callTool({ name, arguments: args });
  const [first] = content as { readonly text: string }[];
  return { isError: isError === true, json: JSON.parse(first.text) };
}

/** A command that runs until it has printed JSON with an address. */
async function started(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const child: ChildProcess = startCli(folder, [...args, '--json'], env);
  const end = ended(child);
  ends.push(async () => {
    child.kill('SIGTERM');
    await end;
  });
  let out = '';
  child.stdout?.on('data', (bytes: Buffer) => {
    out += bytes;
  });
  await until(() => /"url"/.test(out) || child.exitCode !== null);
  return (JSON.parse(out.split('\n').find((line) => line.includes('"url"')) ?? '{}') as { readonly url: string }).url;
}

test('whatever text a caller sends, it stays the word or the option that it is meant for', () => {
  const texts = fc.string({ unit: 'grapheme-ascii', minLength: 1 }).map((text) => `--${text}`);
  fc.assert(
    fc.property(texts, fc.constantFrom('promote_rollout', 'list_runs', 'compare_files', 'plan_cost'), (text, name) => {
      const tool = mcpTools.find((one) => one.name === name);
      if (tool === undefined) throw new TypeError(name);
      const input = { model: text, reason: text, reference: text, current: text, job: text, profiles: [text] };
      const args = argumentsOf(tool, input, {});
      const place = args.indexOf('--');
      expect(args.slice(place + 1).every((word) => word === text)).toBe(true);
      const known = Object.keys(optionsOf(tool.command)).map((one) => `--${one}`);
      for (const option of args.slice(0, place)) expect(known).toContain(option.split('=')[0]);
      const { options, words } = parseCall(tool.command, args, silent);
      expect(words[0]).toBe(text);
      expect(options).not.toHaveProperty('promote', expect.anything());
    }),
    { numRuns: 50 },
  );
});

test('over stdio an agent compares files, diagnoses a trace and reads a coded error; no tool acts', async () => {
  for (const template of [driftTemplate, gpuTemplate])
    for (const [name, text] of Object.entries(template.files(0)))
      if (name.startsWith('data/')) writeFileSync(join(root, name.slice(5)), text);
  const client = await overStdio(root);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(mcpTools.filter(({ acts }) => !acts).map(({ name }) => name));
  expect(tools.every(({ annotations }) => annotations?.readOnlyHint)).toBe(true);
  const drift = await answerOf(client, 'compare_files', { reference: 'reference.csv', current: 'current.csv' });
  expect(drift).toMatchObject({ isError: false, json: { verdict: 'fault' } });
  const gpu = await answerOf(client, 'diagnose_trace', { files: ['dmon.txt', 'jobs.psv'] });
  expect(gpu.json.findings[0]).toMatchObject({ cause: 'scheduling' });
  const missing = await answerOf(client, 'compare_files', { reference: 'none.csv', current: 'current.csv' });
  expect(missing).toMatchObject({ isError: true, json: { error: { code: 'DRIFT_FILE', hint: expect.any(String) } } });
  const unknown = await client
    .callTool({ name: 'promote_rollout', arguments: { model: 'buys', reason: 'x' } })
    .catch(() => ({ isError: true }));
  expect(unknown).toMatchObject({ isError: true });
});

test('tools that act need a server and a key; its scopes decide, and each call is in the audit log', async () => {
  const lacking = parseCall(mcp, ['--allow-acting'], silent);
  await expect(mcp.run(lacking)).rejects.toThrow(expect.objectContaining({ code: 'MCP_ACTING' }));
  const shop = join(root, 'shop');
  for (const [name, text] of Object.entries(modelTemplate.files(Date.now()))) {
    mkdirSync(dirname(join(shop, name)), { recursive: true });
    writeFileSync(join(shop, name), text);
  }
  writeFileSync(join(shop, 'package.json'), '{"type":"module"}');
  linkHeadrace(shop);
  mkdirSync(join(shop, '.headrace'));
  const keyOf = (scope: 'read' | 'admin') =>
    createKey(join(shop, '.headrace'), { name: scope, scopes: [scope], now: Date.now() }).text;
  const [reader, admin] = [keyOf('read'), keyOf('admin')];
  const server = await started(shop, ['serve', '--port', '0']);
  const act = async (key: string) => {
    const url = await started(shop, ['mcp', '--port', '0', '--allow-acting', '--server', server], {
      HEADRACE_API_KEY: key,
    });
    const asking = (sent: string) =>
      new StreamableHTTPClientTransport(new URL(url), {
        requestInit: { headers: { authorization: `Bearer ${sent}` } },
      });
    await expect(connected(asking('none'))).rejects.toThrow();
    const client = await connected(asking(key));
    const { features } = (await answerOf(client, 'read_features', { service: 'shopper', request: { user: 'ada' } }))
      .json;
    expect(features).toHaveProperty('habits_visits_1d');
    return answerOf(client, 'promote_rollout', { model: 'buys', reason: 'asked for' });
  };
  expect(await act(reader)).toMatchObject({ isError: true, json: { error: { code: 'AUTH_SCOPE' } } });
  expect(await act(admin)).toMatchObject({ isError: true, json: { error: { code: 'ROLLOUT_NONE' } } });
  const log = readFileSync(join(shop, '.headrace', 'audit.jsonl'), 'utf8');
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  expect(lines).toContainEqual(
    expect.objectContaining({ what: 'rollout promote', target: 'buys', outcome: 'ROLLOUT_NONE' }),
  );
}, 300_000);
