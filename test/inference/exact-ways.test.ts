import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  bool,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  lookup,
  model,
  nullable,
  pipeline,
  streamInference,
  streamView,
  text,
  time,
  count as total,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { EDGE_DOUBLES, EDGE_WHOLES, type ExactCell, wanted } from '../model/exact-cells.ts';
import { identityFile } from '../serving/onnx-files.ts';
import { logModel } from './logged-onnx.ts';

/** A column of every type that a model reads as a number. */
const columns = { i: int(), l: int64(), d: decimal(2), f: float(), b: bool() };
type Column = keyof typeof columns;

const rows = eventSource('rows', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), who: text(), ...columns },
});
const ends = eventSource('ends', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), row: text(), good: bool() },
});
const byWho = streamView('by_who', {
  source: rows,
  entity: entity('who', { name: text() }),
  key: { name: 'who' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ rows: total() }),
});
const service = featureService('exact', {
  request: { who: text(), ...columns },
  join: (r) => ({ by: lookup(byWho, { name: r.who }) }),
  compute: ({ i, l, d, f, b }) => ({ i, l, d, f, b }),
});
const exact = model('exact', {
  task: 'binary',
  service,
  spine: { from: rows, id: 'id' },
  label: { from: ends, id: 'row', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const piped = pipeline('piped', {
  service,
  models: { one: exact },
  outputs: { score: nullable(float()) },
  run: ({ scores }) => ({ score: scores.one }),
});
const scored = streamInference('scored', { model: exact, from: rows, to: 'scores' });
const project = defineProject('ways', { rows, ends, exact, piped, scored });

const START = Date.UTC(2026, 0, 1);
const WHOLES = EDGE_WHOLES.filter((one) => BigInt.asIntN(64, one) === one);
const FLOATS = EDGE_DOUBLES.filter((one) => Number.isFinite(one) && !Object.is(one, -0));
const INTS = FLOATS.filter(Number.isSafeInteger);
const CENTS = [1_209n, -1n, 5_596_837_841n, (2n ** 53n + 1n) * 100n, 2n ** 62n + 1n, 50n, 0n];

/** Row `k` as JSON has it, and what its cells are. */
const count = Math.max(WHOLES.length, FLOATS.length);
const table = Array.from({ length: count }, (_, k) => {
  const [i, l, f, cents] = [
    INTS[k % INTS.length],
    WHOLES[k % WHOLES.length],
    FLOATS[k % FLOATS.length],
    CENTS[k % CENTS.length],
  ];
  const sign = cents < 0n ? '-' : '';
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0');
  const json = { who: 'w', i, l: String(l), d: `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`, f, b: k % 2 === 0 };
  const cells: Readonly<Record<Column, ExactCell>> = {
    i: { digits: BigInt(i), scale: 0 },
    l: { digits: l, scale: 0 },
    d: { digits: cents, scale: 2 },
    f,
    b: { digits: k % 2 === 0 ? 1n : 0n, scale: 0 },
  };
  return { json, cells };
});

/** The score of a model whose score is its input: its number, where a double holds that; null: the row is refused. */
function scoreOf(cell: ExactCell, type: 'FP32' | 'FP64' | 'INT64'): number | null {
  const number = wanted(cell, type);
  if (typeof number !== 'bigint') return number === null ? null : number + 0;
  return BigInt(Number(number)) === number ? Number(number) : null;
}

let headrace: Headrace;
let server: RunningServer;
let directory: string;
let asks = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headrace-ways-'));
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 }, clock: () => START });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  const events = table.map(({ json }, k) => ({ id: `e${k}`, at: START, ...json }));
  expect(await headrace.ingest(rows, events as never)).toMatchObject({ accepted: count, refused: [] });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The score of a row by a route of predictions; null where it is refused for its cell or its score. */
async function asked(name: string, request: object): Promise<number | null> {
  asks += 1;
  const answer = await fetch(`${server.url}/v1/predictions/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: `a${asks}`, request }),
  });
  const body = (await answer.json()) as {
    readonly score?: number;
    readonly outputs?: { readonly score: number };
    readonly error?: { readonly code: string };
  };
  if (answer.status === 200) return body.score ?? body.outputs?.score ?? Number.NaN;
  expect(['MODEL_CELL', 'MODEL_SCORE'], JSON.stringify(body)).toContain(body.error?.code);
  return null;
}

test.each(
  Object.keys(columns).flatMap((column) => (['FP32', 'FP64', 'INT64'] as const).map((type) => [column, type] as const)),
)(
  'a column %s feeds a tensor of %s the same number by a request, a pipeline, a stream and in process',
  async (column, type) => {
    const { registry, artifacts } = insideOf(headrace).stores;
    const onnx = Uint8Array.from(identityFile(type));
    const { version } = await logModel(registry, artifacts, { model: 'exact', onnx, columns: [column] });
    await headrace.promote(exact, version);
    await headrace.tick();
    const expected = table.map(({ cells }) => scoreOf(cells[column as Column], type));
    const byRequest: (number | null)[] = [];
    const byPipeline: (number | null)[] = [];
    for (const { json } of table) {
      byRequest.push(await asked('exact', json));
      byPipeline.push(await asked('piped', json));
    }
    const outputs = await headrace.stream('scored').reprocess(0, { from: 0, to: count, version });
    expect(byRequest).toEqual(expected);
    expect(byPipeline).toEqual(expected);
    expect(outputs.map(({ score }) => (score === null ? null : score + 0))).toEqual(expected);
  },
);
