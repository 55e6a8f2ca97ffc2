import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fail } from '../../src/base/errors/fail.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { SCOPES, type Scope } from '../../src/operating/scopes.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { hidingPaths } from '../../src/server/hidden-paths.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { errorResponse } from '../../src/server/lean/response.ts';
import { project } from './shop.ts';

const START = Date.UTC(2026, 0, 1);
const LIMIT = 10_000;
const directory = mkdtempSync(join(tmpdir(), 'headrace-sets-'));
let headrace: Headrace;
let server: RunningServer;
let open: RunningServer;
let url = '';
const keys = new Map<string, string>();
const COMBINATIONS: readonly (readonly Scope[])[] = [...SCOPES.map((scope) => [scope]), ['read', 'write']];

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => START });
  for (const scopes of COMBINATIONS)
    keys.set(scopes.join(), createKey(directory, { name: scopes.join('-'), scopes, now: 0 }).text);
  const options = { port: 0, bodyLimit: 20_000, spineLimit: LIMIT };
  server = await startServer(headrace, { ...options, host: '0.0.0.0', tlsAtProxy: true });
  open = await startServer(headrace, { ...options, host: '127.0.0.1' });
  url = server.url.replace('0.0.0.0', '127.0.0.1');
});

afterAll(async () => {
  await server.close();
  await open.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const spine = `user,price,_at\nann,1,${START}\n`;

async function send(body: string, { to = open.url, key = '', isChunked = false, accept = 'application/json' } = {}) {
  const headers = { 'content-type': 'text/csv', accept, ...(key === '' ? {} : { authorization: `Bearer ${key}` }) };
  const init = { method: 'POST', headers, body: isChunked ? new Blob([body]).stream() : body, duplex: 'half' } as const;
  const answer = await fetch(`${to}/v1/training-sets/shopper`, init);
  return { status: answer.status, text: await answer.text() };
}

test.each(COMBINATIONS.map((scopes) => scopes.join()))(
  'a spine is taken of a key that may read and write: %s',
  async (scopes) => {
    const { status, text } = await send(spine, { to: url, key: keys.get(scopes) });
    const may = scopes === 'admin' || scopes === 'read,write';
    expect({ status, text }).toMatchObject(
      may ? { status: 200 } : { status: 403, text: expect.stringContaining('AUTH_SCOPE') },
    );
  },
);

test('a spine beyond the limit is refused, its length declared or not, and nothing of it stays on the disk', async () => {
  const before = readdirSync(join(directory, 'training-sets'));
  const row = `ann,1,${START}\n`;
  const long = spine + row.repeat(LIMIT / row.length);
  for (const isChunked of [false, true])
    expect(await send(long, { isChunked })).toMatchObject({
      status: 413,
      text: expect.stringContaining('SERVER_SPINE_SIZE'),
    });
  expect(readdirSync(join(directory, 'training-sets'))).toEqual(before);
});

test('no answer names a path of the machine', async () => {
  const kept = await send(spine);
  expect(JSON.parse(kept.text)).toMatchObject({ path: expect.stringMatching(/^training-sets\/shopper-/) });
  const forget = (body: object) =>
    fetch(`${open.url}/v1/admin/forget`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then((answer) => answer.text());
  const answers = [
    kept.text,
    (await send('user\nann\n')).text,
    (await send('"')).text,
    await forget({ entity: 'user', key: { user: 'ann' } }),
    await forget({ entity: 'nobody', key: {} }),
    ...(await Promise.all(
      ['/v1/status', '/v1/slo', '/readyz', '/openapi.json', '/nowhere'].map(async (path) =>
        (await fetch(`${open.url}${path}`)).text(),
      ),
    )),
  ];
  for (const text of answers) expect(text).not.toContain(directory);
  expect(answers[3]).toContain('"path":"training-sets/shopper-');
});

test('training sets that were written are counted, and their joins that did not fit', async () => {
  const figure = async (name: string) => {
    const text = await (await fetch(`${open.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const before = await figure('headrace_training_sets_total');
  expect((await send(spine)).status).toBe(200);
  expect(await figure('headrace_training_sets_total')).toBe(before + 1);
  expect(await figure('headrace_training_set_cuts_total')).toBe(0);
});

test('an error that names a file of the environment names it below its directory, by the lean reader too', () => {
  const error = fail('OFFLINE_FULL', { path: join(directory, 'history', 'events.parquet') });
  const text = String(errorResponse(error, hidingPaths(directory)));
  expect(text).not.toContain(directory);
  expect(text).toContain('history/events.parquet');
});
