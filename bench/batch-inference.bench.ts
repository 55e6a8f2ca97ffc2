import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { childSeconds } from '../scripts/child-seconds.ts';
import { peerPython } from '../scripts/yardstick/peers.ts';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { duckScoreFiles } from '../src/backends/embedded/scores/score-files.ts';
import { onnxRuntime } from '../src/backends/onnx/onnx-runtime.ts';
import {
  count,
  entity,
  eventSource,
  featureService,
  float,
  lookup,
  model,
  streamView,
  text,
  time,
} from '../src/features/define/declare.ts';
import { type ModelRows, newRows, rowsBetween } from '../src/model/model-rows.ts';
import { loadScorer, type Scorer } from '../src/registry/scorer.ts';
import { batchContext } from '../src/running/batch-context.ts';
import { startBatch } from '../src/serving/batch/start-batch.ts';
import { openSqliteRegistry, registryFile } from '../src/site/open-registry.ts';
import { newVersion } from '../src/testing/contracts/model-registry.ts';
import { printFigure } from './figure.ts';

/**
 * Rows a second of a batch job, and CPU time a row, from the call to the committed manifest: a Parquet file of ten float columns, scored by 100 trees. The
 * yardsticks: ONNX Runtime on one core with rows of the same file in memory, 512 a run; and the same job by hand in Python with
 * pyarrow and onnxruntime on one thread. One batch run again and again is no
 * yardstick: a processor remembers its branches through the trees. It is printed to compare with figures that are measured so.
 */
const file = '../shared/data/serving/models/trained/diabetes_gbr100.onnx';
const ROWS = Number(process.env['HEADRACE_BENCH_ROWS'] ?? 2_000_000);
const BATCH = 512;

/** Rows in memory: more than a processor remembers. */
const MEMORY_ROWS = 200_000;
/** Rows of a small job. */
const FEW_ROWS = 1_000;
const names = Array.from({ length: 10 }, (_, i) => `f${i}`);

/** Rows a second, and the CPU time of the coordinator and its workers. */
interface Spent {
  readonly rate: number;
  readonly cpuS: number;
}

const source = eventSource('rows', { id: 'id', time: 'at', columns: { id: text(), at: time(), f0: float() } });
const counts = streamView('counts', {
  source,
  entity: entity('row', { id: text() }),
  key: { id: 'id' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ rows: count() }),
});
const service = featureService('rows', {
  request: { id: text(), f0: float() },
  join: (r) => ({ row: lookup(counts, { id: r.id }) }),
  compute: (r) => ({ f0: r.f0 }),
});
const bench = model('bench', {
  task: 'regression',
  service,
  spine: { from: source, id: 'id' },
  label: { from: source, id: 'id', value: (e) => e.f0, within: '1d' },
  train: { with: { kind: 'command', command: ['true'] } },
});

if (existsSync(file)) await main();
else console.log(`skipped: ${file} is absent`);

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-bench-'));
  try {
    const onnx = readFileSync(file);
    const input = join(directory, 'rows.parquet');
    await writeRows(input, ROWS);
    const registry = openSqliteRegistry(registryFile(directory));
    const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
    const signature = { features: names, input: 'input', output: 'prediction' };
    const scorer = await loadScorer(onnxRuntime, onnx, signature);
    const [score] = await scorer.run(newRows(scorer.inputs, 1));
    const parity = JSON.stringify({ rows: [new Array(10).fill(0)], scores: [score] });
    const version = newVersion('bench', {
      signature,
      artifact: artifacts.put(onnx),
      parity: artifacts.put(new TextEncoder().encode(parity)),
    });
    await registry.register(version);
    const rows = await memoryRows(input, scorer);
    const ceiling = await oneCore(scorer, rows);
    const repeated = await oneCore(scorer, rowsBetween(scorer.inputs, rows, 0, BATCH));
    const joins = { position: () => Promise.reject(new Error('none')), join: () => Promise.reject(new Error('none')) };
    const context = batchContext(
      { directory, artifacts: { kind: 'directory' }, models: { python: null } },
      { registry, artifacts, joins },
    );
    let jobs = 0;
    const jobOf = async (from: string, workers: number): Promise<Spent> => {
      jobs += 1;
      const to = join(directory, `out-${jobs}`);
      const [begun, own, children] = [performance.now(), process.cpuUsage(), childSeconds()];
      await (await startBatch(bench, { from, to, version: 1, workers }, context)).result;
      const ms = performance.now() - begun;
      // The worker is killed at the end of its job, and counts once it has ended.
      while (childSeconds() === children) await sleep(50);
      const { user, system } = process.cpuUsage(own);
      return { rate: ROWS / (ms / 1_000), cpuS: (user + system) / 1e6 + childSeconds() - children };
    };
    const few = join(directory, 'few-rows.parquet');
    await writeRows(few, FEW_ROWS);
    await jobOf(few, 1);
    const small = await jobOf(few, 1);
    const { rate: one, cpuS } = await jobOf(input, 1);
    const { rate: two } = await jobOf(input, 2);
    const name = `batch inference from Parquet, ${ROWS.toLocaleString('en')} rows × 10 columns, 100 trees`;
    const aim = { of: 'ratio', atLeast: 0.6 } as const;
    const yardstick = 'ONNX Runtime on one core, rows of the file in memory';
    printFigure({
      name: `ONNX Runtime on one core, one batch of ${BATCH} rows again and again`,
      unit: 'rows/s',
      value: repeated,
      yardstick: 'the same with rows of the file',
      yardstickValue: ceiling,
      aim: null,
    });
    printFigure({ name: `${name}, 1 worker`, unit: 'rows/s', value: one, yardstick, yardstickValue: ceiling, aim });
    printFigure({
      name: `${name}, 2 workers on 2 cores`,
      unit: 'rows/s',
      value: two,
      yardstick: `twice ${yardstick}`,
      yardstickValue: 2 * ceiling,
      aim,
    });
    printFigure({
      name: `${name}: 2 workers`,
      unit: 'rows/s',
      value: two,
      yardstick: '1 worker',
      yardstickValue: one,
      aim: { of: 'ratio', atLeast: 1.7 },
    });
    printFigure({
      name: `batch inference from Parquet, ${FEW_ROWS.toLocaleString('en')} rows, coordinator and worker, whose code an earlier job compiled`,
      unit: 'CPU s',
      value: small.cpuS,
      yardstick: null,
      yardstickValue: null,
      aim: { of: 'value', atMost: 1 },
    });
    const hand = await byHand(input, directory);
    printFigure({
      name: `${name}, 1 worker, against Python by hand`,
      unit: 'CPU µs/row',
      value: (cpuS / ROWS) * 1e6,
      yardstick: 'pyarrow and onnxruntime by hand, one thread',
      yardstickValue: (hand / ROWS) * 1e6,
      aim: { of: 'ratio', atMost: 1 },
    });
    await registry.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function writeRows(path: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const cells = names.map((name) => `CAST(random() / 5 - 0.1 AS FLOAT) AS ${name}`);
  await connection.run(`COPY (SELECT range AS id, ${cells.join(', ')} FROM range(${rows})) TO '${path}'`);
  connection.closeSync();
  instance.closeSync();
}

/** The first rows of the file, row by row. */
async function memoryRows(input: string, { inputs }: Scorer): Promise<ModelRows> {
  const table = await duckScoreFiles.open({ path: input, features: names, keep: [] }, inputs);
  const { rows } = await table.read(0, Math.min(ROWS, MEMORY_ROWS));
  table.close();
  return rows;
}

async function oneCore(scorer: Scorer, rows: ModelRows): Promise<number> {
  const batches = Math.floor(rows.rows / BATCH);
  const run = (i: number) =>
    scorer.run(rowsBetween(scorer.inputs, rows, (i % batches) * BATCH, ((i % batches) + 1) * BATCH));
  for (let i = 0; i < 50; i += 1) await run(i);
  const runs = 1_500;
  const begun = performance.now();
  for (let i = 0; i < runs; i += 1) await run(i);
  return (runs * BATCH) / ((performance.now() - begun) / 1_000);
}

/** CPU seconds of a process of Python that does the same, with its imports: ours has the start of a worker. */
async function byHand(input: string, directory: string): Promise<number> {
  const python = await peerPython('arrays');
  const program = `
import sys, time
import numpy as np, onnxruntime as ort, pyarrow as pa, pyarrow.parquet as pq
options = ort.SessionOptions(); options.intra_op_num_threads = 1; options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[1], options)
rows, writer = 0, None
for batch in pq.ParquetFile(sys.argv[2]).iter_batches(batch_size=65536, use_threads=False):
    x = np.stack([batch.column(i + 1).to_numpy() for i in range(10)], axis=1)
    score = np.concatenate([session.run(['prediction'], {'input': x[i:i + 512]})[0][:, 0] for i in range(0, len(x), 512)])
    out = pa.table({'id': batch.column(0), 'score': score})
    writer = writer or pq.ParquetWriter(sys.argv[3], out.schema)
    writer.write_table(out); rows += len(x)
writer.close()
print(time.process_time())
`;
  const args = ['-c', program, file, input, join(directory, 'by-hand.parquet')];
  return Number(execFileSync(python, args, { encoding: 'utf8' }));
}
