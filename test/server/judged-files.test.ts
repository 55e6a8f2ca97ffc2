import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import type { Command } from '../../src/cli/command.ts';
import { costPlan } from '../../src/cli/commands/cost/plan.ts';
import { driftCompare } from '../../src/cli/commands/drift-compare.ts';
import { gpuCommands } from '../../src/cli/commands/gpu.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';
import { dmonLog } from '../../src/labs/captures/sample-gpu.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { embeddedReport } from '../report/embedded-report.ts';
import { until } from '../until.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-judged-'));
let headrace: Headrace;
let server: RunningServer;
let open: RunningServer;
let key = '';
let reader = '';

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  reader = createKey(directory, { name: 'read', scopes: ['read'], now: 0 }).text;
  key = createKey(directory, { name: 'write', scopes: ['write'], now: 0 }).text;
  const options = { port: 0, bodyLimit: 20_000 };
  server = await startServer(headrace, { ...options, host: '0.0.0.0', tlsAtProxy: true });
  open = await startServer(headrace, { ...options, host: '127.0.0.1' });
});

afterAll(async () => {
  await server.close();
  await open.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

type Part = readonly [field: string, name: string, bytes: string | Buffer<ArrayBuffer>];

interface Answer {
  readonly report?: unknown;
  readonly html?: string;
  readonly error?: { readonly code: string };
}

async function send(path: string, parts: readonly Part[]) {
  const form = new FormData();
  for (const [field, name, bytes] of parts) form.append(field, new Blob([bytes]), name);
  const answer = await fetch(`${open.url}/v1/files/${path}`, { method: 'POST', body: form });
  return { status: answer.status, body: (await answer.json()) as Answer };
}

/** The JSON of a command of the command line, as the last line that it prints. */
async function printed(command: Command, args: readonly string[]): Promise<unknown> {
  const lines: string[] = [];
  const never = new Promise<never>(() => undefined);
  const terminal = {
    out: (line: string) => lines.push(line),
    err: () => undefined,
    interactive: false,
    stopped: never,
  };
  await command.run(parseCall(command, ['--json', ...args], terminal));
  return JSON.parse(lines.at(-1) ?? '');
}

/** A report with the names of its files in place of their paths. */
const unnamed = (report: unknown) => JSON.parse(JSON.stringify(report).replaceAll(`${directory}/`, ''));

const table = (shift: number) =>
  ['x,shop', ...Array.from({ length: 400 }, (_, i) => `${((i * 7) % 101) + shift},${i % 3 === 0 ? 'a' : 'b'}`)].join(
    '\n',
  );

/** A job without names of files next to it: a server has none of them. */
function sentJob(): string {
  const { command: _, drill: __, ...job } = JSON.parse(readFileSync('examples/training-cost/job.json', 'utf8'));
  return JSON.stringify(job);
}

const judgements: readonly {
  readonly path: string;
  readonly command: Command;
  readonly parts: readonly Part[];
  readonly args: (paths: readonly string[]) => readonly string[];
}[] = [
  {
    path: 'drift',
    command: driftCompare as Command,
    parts: [
      ['reference', 'reference.csv', table(0)],
      ['current', 'current.csv', table(60)],
    ],
    args: (paths) => paths,
  },
  {
    path: 'gpu',
    command: gpuCommands[0],
    parts: [['file', 'samples.csv', dmonLog(seededRandom(7))]],
    args: (paths) => paths,
  },
  {
    path: 'cost',
    command: costPlan as Command,
    parts: [
      ['job', 'job.json', sentJob()],
      ['profile', 'profile.json', readFileSync('examples/training-cost/loader-bound.json')],
      ['prices', 'offers.json', readFileSync('examples/training-cost/offers.json')],
    ],
    args: ([job, profile, prices]) => [job, '--profile', profile, '--prices', prices],
  },
];

test.each(judgements)('$path: files that are sent are judged as the command judges them', async (judgement) => {
  const { path, command, parts, args } = judgement;
  const paths = parts.map(([, name, bytes]) => {
    writeFileSync(join(directory, name), bytes);
    return join(directory, name);
  });
  const { status, body } = await send(`${path}?html=true`, parts);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body.report).toEqual(unnamed(await printed(command, args(paths))));
  expect(JSON.parse(embeddedReport(String(body.html)).json)).toEqual(body.report);
  expect(JSON.stringify(body)).not.toContain(tmpdir());
});

const parquet = Buffer.from('PAR1\0\0\0\0PAR1');
const hostile: readonly (readonly [string, string, readonly Part[], string])[] = [
  ['no form', 'drift', [], 'SERVER_FORM'],
  ['a part too few', 'drift', [['reference', 'a.csv', table(0)]], 'SERVER_FORM'],
  ['a part of another name', 'gpu', [['files', 'a.csv', 'x']], 'SERVER_FORM'],
  [
    'bytes that are no Parquet, with names of other files',
    'drift',
    [
      ['reference', '../../../etc/passwd', parquet],
      ['current', '*.parquet', parquet],
    ],
    'DRIFT_FILE',
  ],
  ['bytes that are no trace', 'gpu', [['file', 'trace.json.gz', Buffer.from([0x1f, 0x8b, 8, 0])]], 'FILE_DAMAGED'],
  [
    'a job that names files of the machine',
    'cost',
    [
      ['job', 'job.json', '{"version":1,"name":"x","hours":1,"gpus":1,"accelerator":"A100","drill":"/etc/passwd"}'],
      ['profile', 'p.json', '[]'],
    ],
    'COST_NO_PROFILE',
  ],
];

test.each(hostile)('%s: a coded error, and nothing stays', async (_, path, parts, code) => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('headrace-judge-')).length;
  const before = left();
  const { status, body } = await send(path, parts);
  expect(body.error?.code, JSON.stringify(body)).toBe(code);
  expect(status).toBeLessThan(500);
  // Another file of tests may judge at the same time.
  await until(() => left() <= before);
});

test('a body without a key, of a key without the scope, or too large is refused before it is read', async () => {
  const { port } = new URL(server.url);
  const ask = (headers: Record<string, string | number>) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          path: '/v1/files/drift',
          method: 'POST',
          headers: { host: 'localhost', ...headers },
        },
        (answer) => {
          // The rest of the body is never sent.
          text(answer)
            .then((all) => resolve({ status: answer.statusCode ?? 0, text: all }), reject)
            .finally(() => sent.destroy());
        },
      );
      sent.on('error', reject);
      sent.write('--x');
    });
  const form = { 'content-type': 'multipart/form-data; boundary=x', 'content-length': 2 ** 20 };
  expect(await ask(form)).toMatchObject({ status: 401 });
  expect(await ask({ ...form, authorization: `Bearer ${key}` })).toMatchObject({ status: 403 });
  expect(await ask({ ...form, 'content-length': 2 ** 31, authorization: `Bearer ${reader}` })).toMatchObject({
    status: 413,
    text: expect.stringContaining('SERVER_FORM_SIZE'),
  });
});
