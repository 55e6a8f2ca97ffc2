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
 * What one caller's model and one tenant's load do to another: the p99 of a small model alone, beside a model with 1,000 times its work
 * that never rests, and beside a tenant that asks for ten times its share of the same model. Rounds alternate; figures are of medians.
 */
const WIDTH = 256;
const SECONDS = Number(process.env['HEADRACE_BENCH_SECONDS'] ?? 4);
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
const keys = ['one', 'other'].map((name) => createKey(directory, { name, scopes: ['read'], now: 0 }).text);
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
  const { key = keys[0], mostOpen = 64 } = options;
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

/** So many products with one matrix, one after the other; its values stay small. */
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

const PACE = 100;
const alone: number[] = [];
const besideSlow: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  alone.push((await loadOf('small', PACE)).p99Ms);
  // More than it can answer, two at a time: it never rests.
  const [small, slow] = await Promise.all([loadOf('small', PACE), loadOf('slow', 1_000, { mostOpen: 2 })]);
  besideSlow.push(small.p99Ms);
  console.error(`round ${round}: alone ${alone.at(-1)} ms, beside ${small.p99Ms} ms, of ${slow.answered} slow runs`);
}
printFigure({
  name: `p99 of a small model at ${PACE} requests/s, beside a model of 1,000 times its work that never rests`,
  unit: 'ms',
  value: median(besideSlow),
  yardstick: 'alone',
  yardstickValue: median(alone),
  aim: { of: 'ratio', atMost: 1.2 },
});

// The share of a tenant is half of what the model can answer.
const peak = (await loadOf('shared', 20_000, { mostOpen: 32 })).answered / SECONDS;
const fair = Math.max(10, Math.floor(peak / 8));
const quiet: number[] = [];
const besideTenant: number[] = [];
let answeredOfOther = 0;
let turnedAwayOfOther = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  quiet.push((await loadOf('shared', fair, { key: keys[0] })).p99Ms);
  const [own, other] = await Promise.all([
    loadOf('shared', fair, { key: keys[0] }),
    loadOf('shared', Math.floor(10 * (peak / 2)), { key: keys[1], mostOpen: 256 }),
  ]);
  besideTenant.push(own.p99Ms);
  answeredOfOther += other.answered;
  turnedAwayOfOther += other.turnedAway + other.unsent;
  console.error(`round ${round}: alone ${quiet.at(-1)} ms, beside ${own.p99Ms} ms; other ${JSON.stringify(other)}`);
}
await server.close();
await headrace.close();
console.error(JSON.stringify({ peak, fair, answeredOfOther, turnedAwayOfOther }));
printFigure({
  name: `p99 of a tenant at ${fair} requests/s, beside a tenant at 10 times its share of the same model`,
  unit: 'ms',
  value: median(besideTenant),
  yardstick: 'alone',
  yardstickValue: median(quiet),
  aim: { of: 'ratio', atMost: 1.3 },
});
