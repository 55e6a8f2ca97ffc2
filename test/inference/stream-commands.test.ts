import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ended, lastJson, runCli, startCli } from '../cli/run-cli.ts';
import { until } from '../until.ts';
import { engineProject, event, registerVersions } from './stream-site.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-stream-cli-'));
let server: ChildProcess;
let url = '';
let closed: Promise<unknown>;

beforeAll(async () => {
  const path = (file: string) => JSON.stringify(new URL(`../../${file}`, import.meta.url).pathname);
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${path('src/index.ts')};
import { engineProject as project } from ${path('test/inference/stream-site.ts')};
export default defineConfig({ project, environments: { local: { directory: 'data', partitions: 3 } } });`,
  );
  await registerVersions(join(folder, 'data'));
  server = startCli(folder, ['serve', '--port', '0', '--json']);
  closed = ended(server);
  const [line]: unknown[] = await once(server.stdout ?? server, 'data');
  url = (JSON.parse(String(line)) as { url: string }).url;
});
afterAll(async () => {
  server?.kill('SIGKILL');
  await closed;
  rmSync(folder, { recursive: true, force: true });
});

interface Status {
  readonly partitions: readonly {
    readonly waiting: number;
    readonly intervals: readonly { readonly version: number; readonly from: number }[];
  }[];
  readonly rollingTo: number | null;
  readonly plans: readonly { readonly phase: string }[];
  readonly shadow: number | null;
}

const headers = { 'content-type': 'application/json' };

async function call(path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(
    `${url}${path}`,
    body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) },
  );
  return { status: answer.status, body: await answer.json() };
}

test('a stream is rolled, shadowed and scored again through the server, by HTTP and by the command line', async () => {
  const events = Array.from({ length: 30 }, (_, i) => event(i, Date.now()));
  expect((await call('/v1/events/asked', events)).status).toBe(200);
  const status = async () => (await call('/v1/streams/scored')).body as Status;
  await until(async () => {
    const { partitions } = await status();
    return partitions.length === 3 && partitions.every(({ waiting }) => waiting === 0);
  });
  // The plan's time is to come: it waits until it is aborted.
  const later = ['--at', String(Date.now() + 86_400_000)];
  const planned = await runCli(folder, ['stream', 'roll', 'scored', '2', ...later, '--json']);
  expect(lastJson(planned)).toMatchObject({ rollingTo: 2, unacknowledged: [0, 1, 2] });
  expect(await call('/v1/streams/scored', { action: 'roll', version: 3 })).toMatchObject({
    status: 409,
    body: { error: { code: 'STREAM_PLAN' } },
  });
  const waits = await runCli(folder, ['stream', 'commit', 'scored']);
  expect([waits.code, waits.err]).toEqual([5, expect.stringContaining('waits for the owners')]);
  expect(await call('/v1/streams/scored', { action: 'abort' })).toMatchObject({ body: { rollingTo: null } });

  expect(
    await call('/v1/streams/scored', { action: 'roll', version: 3, cutOver: { kind: 'immediate' } }),
  ).toMatchObject({
    status: 200,
  });
  // Until every owner of a partition has answered, the command ends with the error above.
  let committed = { out: '' };
  await until(async () => {
    const ended = await runCli(folder, ['stream', 'commit', 'scored']);
    committed = ended;
    return ended.code === 0;
  });
  expect(committed.out).toContain('versions from offset 0 → 1, ');
  expect((await status()).partitions.map(({ intervals }) => intervals.map(({ version }) => version))).toEqual([
    [1, 3],
    [1, 3],
    [1, 3],
  ]);
  // A typo, and the way out.
  const far = { kind: 'at-offset', offsets: [1e9, 1e9, 1e9] };
  const typo = { action: 'roll', version: 4, cutOver: far, replace: true };
  expect((await call('/v1/streams/scored', typo)).status).toBe(200);
  await until(async () => (await status()).plans.at(-1)?.phase === 'committed');
  expect((await runCli(folder, ['stream', 'cancel', 'scored'])).out).toMatch(
    /version 4: (committed, not reached yet|cancelled)/,
  );
  await until(async () => (await status()).plans.some(({ phase }) => phase === 'cancelled'));
  expect(lastJson(await runCli(folder, ['stream', 'shadow', 'scored', '4', '--json']))).toMatchObject({ shadow: 4 });
  expect(lastJson(await runCli(folder, ['stream', 'shadow', 'scored', 'none', '--json']))).toMatchObject({
    shadow: null,
  });

  const again = await runCli(folder, ['stream', 'reprocess', 'scored', '0', '0', '2']);
  const forced = await call('/v1/stream-scores/scored', { partition: 0, from: 0, to: 2, version: 2 });
  const lines = again.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { offset: 0, version: 1 },
    { offset: 1, version: 1 },
  ]);
  expect(forced.body).toMatchObject({ outputs: [{ version: 2 }, { version: 2 }] });
  expect(readFileSync(join(folder, 'data', 'audit.jsonl'), 'utf8')).toContain('stream roll');
});

test('outputs are read from a cursor on, each once, by HTTP and by the command line', async () => {
  interface Page {
    readonly outputs: readonly { readonly id: string; readonly partition: number; readonly offset: number }[];
    readonly next: string;
    readonly isEnd: boolean;
  }
  const page = async (query: string) => (await call(`/v1/stream-outputs/scored${query}`)).body as Page;
  const events = Array.from({ length: 12 }, (_, i) => event(500 + i, Date.now()));
  expect((await call('/v1/events/asked', events)).status).toBe(200);
  await until(async () => {
    const ids = new Set((await page('')).outputs.map(({ id }) => id));
    return events.every(({ id }) => ids.has(id));
  });
  const whole = await page('');
  expect(whole).toMatchObject({ isEnd: true });
  const found: Page['outputs'][number][] = [];
  for (let at = await page('?limit=7'); ; at = await page(`?limit=7&cursor=${at.next}`)) {
    expect(at.outputs.length).toBeLessThanOrEqual(7);
    found.push(...at.outputs);
    if (at.isEnd) {
      expect(at.next).toBe(whole.next);
      break;
    }
  }
  expect(found).toEqual(whole.outputs);
  for (const partition of [0, 1, 2]) {
    const offsets = found.filter((one) => one.partition === partition).map(({ offset }) => offset);
    expect(offsets).toEqual(offsets.map((_, i) => i));
  }
  const read = await runCli(folder, ['stream', 'read', 'scored']);
  const lines = read.out.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual(whole.outputs);
  expect(read.err).toContain(`--cursor ${whole.next}`);
  const rest = await runCli(folder, ['stream', 'read', 'scored', '--cursor', whole.next]);
  expect([rest.code, rest.out.trim()]).toEqual([0, '']);
  for (const cursor of ['1', '1,2', 'x,0,0', '0,0,999999', '-1,0,0', '0,0,0,0'])
    expect(await call(`/v1/stream-outputs/scored?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'STREAM_CURSOR' } },
    });
  expect(await call('/v1/stream-outputs/answered')).toMatchObject({ body: { error: { code: 'STREAM_ELSEWHERE' } } });
  expect(await call('/v1/stream-outputs/scored?limit=0')).toMatchObject({ status: 400 });
});

test('every declared stream has its status', async () => {
  for (const { name } of engineProject.streams ?? []) expect((await call(`/v1/streams/${name}`)).status).toBe(200);
});

test('an engine asks the model of a stream by texts with partition and offset', async () => {
  const { name, number, gaps, category } = event(1, 0);
  const request = { name, number, gaps, category };
  const infer = (texts: readonly unknown[]) =>
    call('/v2/models/stream_answered/versions/latest/infer', {
      inputs: [
        { name: 'REQUEST', datatype: 'BYTES', shape: [texts.length], data: texts.map((one) => JSON.stringify(one)) },
      ],
      outputs: [{ name: 'RESULT' }],
    });
  await until(async () => ((await call('/v1/streams/answered')).body as Status).partitions.length === 3);
  const answer = await infer([
    { partition: 0, offset: 0, request },
    { partition: 1, offset: 0, request: { ...request, number: 'x' } },
  ]);
  expect(JSON.stringify(answer.body)).toContain('outputs');
  const { outputs } = answer.body as { readonly outputs: readonly { readonly data: readonly string[] }[] };
  const [scored, rejected] = outputs[0].data.map((text) => JSON.parse(text));
  expect([answer.status, scored]).toMatchObject([200, { version: 1, score: expect.any(Number), error: null }]);
  expect(rejected).toMatchObject({ version: 1, score: null, error: expect.stringContaining('REQUEST_') });
  const rolled = await runCli(folder, ['stream', 'roll', 'answered', '2', '--json']);
  expect(rolled.code).toBe(0);
  // The version may still load.
  const mapped = async () => ((await call('/v1/streams/answered')).body as Status).partitions[0].intervals;
  await until(async () => (await mapped()).length === 2);
  const offset = (await mapped())[1].from;
  const more = Array.from({ length: 30 }, (_, i) => event(100 + i, Date.now()));
  expect((await call('/v1/events/asked', more)).status).toBe(200);
  expect((await infer([{ partition: 0, offset, request }])).body).toMatchObject({
    outputs: [{ data: [expect.stringContaining('"version":2')] }],
  });
  expect((await infer(['no request'])).status).toBe(400);
  expect(await call('/v1/streams/answered', { action: 'shadow', version: 2 })).toMatchObject({
    status: 400,
    body: { error: { code: 'STREAM_ENGINE' } },
  });
});

test.each([
  ['an unknown stream', '/v1/streams/other', { action: 'abort' }, 404],
  ['an unknown action', '/v1/streams/scored', { action: 'jump' }, 400],
  ['an unknown version', '/v1/streams/scored', { action: 'roll', version: 99 }, 404],
  [
    'offsets of another number of partitions',
    '/v1/streams/scored',
    { action: 'roll', version: 2, cutOver: { kind: 'at-offset', offsets: [1] } },
    400,
  ],
  ['offsets that are not scored', '/v1/stream-scores/scored', { partition: 0, from: 0, to: 9_999 }, 400],
  ['too many offsets', '/v1/stream-scores/scored', { partition: 0, from: 0, to: 10_001 }, 400],
] as const)('%s is refused with a code', async (_, path, body, wanted) => {
  const { status, body: answer } = await call(path, body);
  expect([status, answer]).toMatchObject([wanted, { error: { code: expect.any(String), hint: expect.any(String) } }]);
});

test('cut-overs that exclude each other are a wrong use', async () => {
  const { code, err } = await runCli(folder, ['stream', 'roll', 'scored', '2', '--immediate', '--offsets', '1,2,3']);
  expect([code, err]).toEqual([2, expect.stringContaining('one of the cut-overs')]);
  const idle = await runCli(folder, ['stream', 'roll', 'scored', '2', '--immediate', '--idle', '1m']);
  expect([idle.code, idle.err]).toEqual([2, expect.stringContaining('--at')]);
});
