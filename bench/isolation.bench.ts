import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineProject } from '../src/features/define/declare.ts';
import { createKey } from '../src/operating/api-keys.ts';
import { openHeadrace } from '../src/running/headrace.ts';
import { startServer } from '../src/server/http-server.ts';
import { onnxFile } from '../test/serving/onnx-files.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { pacedLoad } from './paced-load.ts';
import { scratchDirectory } from './shop.ts';

/**
 * What one caller's model and one tenant's load do to another: the p99 of a small model alone, next to a model with 1,000 times its work
 * that never rests, and next to a tenant that asks for ten times its share of the same model. Rounds alternate; figures are of medians.
 * The work of the serving thread between a request and its answer is the same figure without the machine's other load.
 * `HEADRACE_BENCH_ONLY` is `slow` or `tenant`.
 */
const WIDTH = 256;
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 4);
const ONLY = process.env['HEADRACE_BENCH_ONLY'] ?? '';
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 5);

const directory = scratchDirectory();
// One product of a matrix, a thousand of them, and as many as take about a millisecond.
const steps = { small: 1, slow: 1_000, shared: 60 };
for (const [name, count] of Object.entries(steps)) {
  const folder = join(directory, 'models', name, '1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.onnx'), products(count));
}
const headrace = await openHeadrace({
  project: defineProject('isolation', {}),
  environment: { directory, partitions: 1, models: { repository: join(directory, 'models') } },
});
const keys = ['one', 'other'].map((name) => createKey(directory, { name, scopes: ['read'], now: 0 }));
// Only a server beyond this machine looks at keys. The load comes over the loopback interface.
const server = await startServer(headrace, { host: '0.0.0.0', port: 0, bodyLimit: 2 ** 20, tlsAtProxy: true });

const row = Float32Array.from({ length: WIDTH }, (_, i) => i / WIDTH);
const head = Buffer.from(
  JSON.stringify({
    inputs: [{ name: 'IN', datatype: 'FP32', shape: [1, WIDTH], parameters: { binary_data_size: row.byteLength } }],
  }),
);
const body = Buffer.concat([head, Buffer.from(row.buffer)]);

function loadOf(model: string, perSecond: number, options: { readonly key?: string; readonly mostOpen?: number } = {}) {
  const { key = keys[0].text, mostOpen = 64 } = options;
  return pacedLoad({
    url: `http://127.0.0.1:${new URL(server.url).port}/v2/models/${model}/infer`,
    body,
    fields: {
      'inference-header-content-length': String(head.length),
      authorization: `Bearer ${key}`,
    },
    perSecond,
    ms: SECONDS * 1_000,
    mostOpen,
  });
}

/** This many products with one matrix, one after the other; its values stay small. */
function products(count: number): Uint8Array {
  const weights = new Float32Array(WIDTH * WIDTH).fill(1 / WIDTH);
  const name = (i: number) => (i === 0 ? 'IN' : i === count ? 'OUT' : `t${i}`);
  return onnxFile(
    [['IN', 'FP32', ['n', WIDTH]]],
    Array.from({ length: count }, (_, i) => ['MatMul', [name(i), 'W'], name(i + 1)] as const),
    [['OUT', 'FP32', ['n', WIDTH]]],
    [['W', 'FP32', [WIDTH, WIDTH], new Uint8Array(weights.buffer)]],
  );
}

/** Processor time of this thread, which answers, ms. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Work of this thread from each request to its answer, ms, by tenant; taken by `workP99Ms`. */
const work = new Map<string, number[]>();
const host = headrace.models;
const infer = host.infer.bind(host);
host.infer = async (request, caller) => {
  const began = threadMs();
  const reply = await infer(request, caller);
  const own = work.get(caller.tenant) ?? [];
  own.push(threadMs() - began);
  work.set(caller.tenant, own);
  return reply;
};

function workP99Ms(tenant: string): number {
  const times = (work.get(tenant) ?? []).toSorted((a, b) => a - b);
  work.clear();
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

if (ONLY !== 'tenant') await besideSlowModel();
if (ONLY !== 'slow') await besideBusyTenant();
await server.close();
await headrace.close();

async function besideSlowModel(): Promise<void> {
  const pace = 100;
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push((await loadOf('small', pace)).p99Ms);
    // More than it can answer, two at a time: it never rests.
    const [small, slow] = await Promise.all([loadOf('small', pace), loadOf('slow', 1_000, { mostOpen: 2 })]);
    beside.push(small.p99Ms);
    console.error(`round ${round}: alone ${alone.at(-1)} ms, beside ${small.p99Ms} ms, of ${slow.answered} slow runs`);
  }
  printFigure({
    name: `p99 of a small model at ${pace} requests/s, beside a model of 1,000 times its work that never rests`,
    unit: 'ms',
    value: median(beside),
    yardstick: 'alone',
    yardstickValue: median(alone),
    aim: { of: 'ratio', atMost: 1.2 },
  });
}

async function besideBusyTenant(): Promise<void> {
  const [own, other] = keys;
  // The share of a tenant is half of what the model can answer.
  const peak = (await loadOf('shared', 20_000, { mostOpen: 32 })).answered / SECONDS;
  const pace = Math.max(10, Math.floor(peak / 8));
  const alone = { p99: [] as number[], work: [] as number[] };
  const beside = { p99: [] as number[], work: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    work.clear();
    const quiet = await loadOf('shared', pace, { key: own.text });
    alone.p99.push(quiet.p99Ms);
    alone.work.push(workP99Ms(own.key.id));
    const [asked, busy] = await Promise.all([
      loadOf('shared', pace, { key: own.text }),
      loadOf('shared', Math.floor(10 * (peak / 2)), { key: other.text, mostOpen: 256 }),
    ]);
    beside.p99.push(asked.p99Ms);
    beside.work.push(workP99Ms(own.key.id));
    console.error(
      `round ${round}: ${JSON.stringify({ quiet, asked, busy, work: [alone.work.at(-1), beside.work.at(-1)] })}`,
    );
  }
  const name = `of a tenant at ${pace} requests/s, beside a tenant at 10 times its share of the same model`;
  printFigure({
    name: `p99 ${name}`,
    unit: 'ms',
    value: median(beside.p99),
    yardstick: 'alone',
    yardstickValue: median(alone.p99),
    aim: { of: 'ratio', atMost: 1.3 },
  });
  printFigure({
    name: `work of the serving thread between a request and its answer, p99, ${name}`,
    unit: 'ms',
    value: median(beside.work),
    yardstick: 'alone',
    yardstickValue: median(alone.work),
    aim: null,
  });
}
