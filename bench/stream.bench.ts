import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafka } from '../scripts/services/kafka.ts';
import { FileArtifactStore } from '../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openEventLog } from '../src/backends/embedded/log/event-log.ts';
import { openKafkaLog } from '../src/backends/kafka/event-log.ts';
import { openKafkaLanes } from '../src/backends/kafka/stream-lanes.ts';
import { onnxRuntime } from '../src/backends/onnx/onnx-runtime.ts';
import { openSqliteRegistry, registryFile } from '../src/compose/open-registry.ts';
import { streamInference } from '../src/features/define/declare.ts';
import { SourceVerdicts } from '../src/featurestore/materialise/source-verdicts.ts';
import type { EventLog } from '../src/ports/event-log.ts';
import type { ModelRuntime } from '../src/ports/model-runtime.ts';
import type { StreamLanes } from '../src/ports/stream-lanes.ts';
import type { Value } from '../src/schema/column.ts';
import { rowCodec } from '../src/schema/row-codec.ts';
import { ProjectStreams } from '../src/serving/streaming/project-streams.ts';
import { asked, registerSmall, service, small } from '../test/models/small-project.ts';
import { printFigure } from './figure.ts';
import { withServices } from './services.ts';

/**
 * Records a second of a stream, from the log to committed outputs, with the features of the request; and the pause at a cut-over: the time
 * between the commits before and after it. Yardsticks in the same rounds: the same stream whose model is not run, and the time between
 * commits without a cut-over, of a server that ticks every second. One partition; a broker on the same cores.
 */
const RECORDS = Number(process.env['HEADRACE_BENCH_RECORDS'] ?? 20_000);
const ROUNDS = 5;
const CUT_OVERS = 30;
/** As a server ticks. */
const TICK_MS = 1_000;
/** Records of a commit while the pause is measured. */
const STEP = 500;
const START = Date.UTC(2026, 0, 1);
const INPUT = 'asked@1';
const { encode, decode } = rowCodec(asked.columns);

/** Gives zeros instead of scores once it is asked to. */
function idleRuntime(idle: { isIdle: boolean }): ModelRuntime {
  return {
    ...onnxRuntime,
    load: async (...file) => {
      const loaded = await onnxRuntime.load(...file);
      return {
        ...loaded,
        run: async (tensors, names) => {
          if (!idle.isIdle) return loaded.run(tensors, names);
          const [{ shape }] = tensors;
          const rows = shape[0];
          return [
            {
              name: loaded.signature.outputs[0].name,
              type: 'FP32' as const,
              shape: [rows],
              data: new Float32Array(rows),
            },
          ];
        },
        close: () => loaded.close(),
      };
    },
  };
}

const look = (_: unknown, request: unknown) => {
  const given = request as Readonly<Record<string, Value>>;
  const values = service.features.map(({ name }) => given[name] ?? 1);
  const vector = { service, at: START, values, missing: [], stale: [], degraded: false, counts: [], texts: [] };
  return { request: [], tookMs: 0, vector: { ...vector, ages: { streaming: null, batch: null } } };
};

interface Opened {
  readonly log: EventLog;
  readonly lanes: StreamLanes | null;
}

/** A stream over a fresh log. */
async function openStream(directory: string, { log, lanes }: Opened, runtime: ModelRuntime) {
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  const scored = streamInference('scored', { model: small, from: asked, to: 'scores' });
  const onFault = (error: unknown) => {
    throw error;
  };
  const streams = new ProjectStreams({
    ...{ log, lanes, registry, artifacts, runtime, python: null },
    streams: [scored],
    clock: Date.now,
    onFault,
  });
  await log.openTopic(INPUT, 1);
  await streams.makeTopics(1);
  const rowsOf = () => ({ encode: (row: readonly Value[]) => encode(row), decode });
  const recordUse = () => undefined;
  const verdicts = new SourceVerdicts({ log, rowsOf, sources: [asked], judgedTo: () => [Number.MAX_SAFE_INTEGER] });
  const verdictsOf = () => verdicts.readerOf(asked);
  await streams.open({
    look,
    recordUse,
    verdictsOf,
    readPast: () => Promise.resolve(new Map()),
    rowsOf,
    appliedTo: () => null,
  });
  const stream = streams.named('scored');
  return { stream, close: () => stream.close().then(() => registry.close()) };
}

let sent = 0;
async function append(log: EventLog, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1_000) {
    const records = Array.from({ length: Math.min(1_000, count - done) }, () => {
      sent += 1;
      const ts = START + sent;
      return {
        id: `a${sent}`,
        ts,
        ingestTs: ts,
        payload: encode([`a${sent}`, ts, `n${sent % 7}`, sent % 23, 0.25, sent % 6]),
      };
    });
    await log.append(INPUT, 0, records);
  }
}

type OpenLog = (round: string) => Promise<Opened>;

async function measure(kind: string, openLog: OpenLog): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stream-'));
  try {
    const registry = openSqliteRegistry(registryFile(directory));
    const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
    for (const c of [0.1, 0.01]) await registerSmall(registry, artifacts, c);
    await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
    await registry.close();
    const rates = { model: [] as number[], none: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1)
      for (const which of ['model', 'none'] as const)
        rates[which].push(await rateOf(directory, await openLog(`${round}${which}`), which === 'none'));
    printFigure({
      name: `stream on ${kind}, one partition`,
      unit: 'records/s',
      value: median(rates.model),
      yardstick: 'the same, the model is not run',
      yardstickValue: median(rates.none),
      aim: { of: 'ratio', atLeast: 0.6 },
    });
    const { pauses, steps } = await pausesOf(directory, await openLog('pause'));
    printFigure({
      name: `pause of a stream at a cut-over on ${kind}, p99 of ${pauses.length}`,
      unit: 'ms',
      value: quantile(pauses, 0.99),
      yardstick: 'time between commits without one, median',
      yardstickValue: median(steps),
      aim: { of: 'ratio', atMost: 2 },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function rateOf(directory: string, opened: Opened, isIdleOnce: boolean): Promise<number> {
  const idle = { isIdle: false };
  const { stream, close } = await openStream(directory, opened, idleRuntime(idle));
  await untilScored(stream, 0);
  idle.isIdle = isIdleOnce;
  await append(opened.log, RECORDS);
  const started = performance.now();
  await untilScored(stream, RECORDS);
  const rate = RECORDS / ((performance.now() - started) / 1_000);
  await close();
  await opened.lanes?.close();
  await opened.log.close();
  return rate;
}

type Stream = Awaited<ReturnType<typeof openStream>>['stream'];

/** Ticks until records are scored, and the partition is here. */
async function untilScored(stream: Stream, records: number): Promise<void> {
  do await stream.tick();
  while (stream.counts.scored < records || !stream.status.partitions.some(({ here }) => here));
}

/** Times between commits in ms: over a cut-over, and without one. */
async function pausesOf(directory: string, opened: Opened) {
  const { stream, close } = await openStream(directory, opened, onnxRuntime);
  await untilScored(stream, 0);
  const [pauses, steps]: [number[], number[]] = [[], []];
  let last = performance.now();
  /** Appends, waits for the next tick, and notes the time since the previous commit. */
  const step = async (times: number[]) => {
    await append(opened.log, STEP);
    await sleep(Math.max(0, last + TICK_MS - performance.now()));
    await untilScored(stream, stream.counts.scored + STEP);
    times.push(performance.now() - last);
    last = performance.now();
  };
  for (let i = 0; i < CUT_OVERS; i += 1) {
    await step(steps);
    await stream.roll({ version: 1 + (i % 2 === 0 ? 1 : 0) });
    await step(pauses);
  }
  await close();
  await opened.lanes?.close();
  await opened.log.close();
  return { pauses, steps };
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

const scratch = mkdtempSync(join(tmpdir(), 'headrace-stream-logs-'));
try {
  await measure('the embedded log', async (round) => {
    const log = await openEventLog({ path: join(scratch, round), durability: 'process' });
    return { log, lanes: null };
  });
  await withServices([kafka], async ({ KAFKA_BROKERS = '' }) => {
    await measure('Kafka', async (round) => {
      const prefix = `bench-${process.pid}-${round}.`;
      const options = { brokers: KAFKA_BROKERS.split(','), timeoutMs: 10_000, replicas: 1, prefix };
      return { log: await openKafkaLog(options), lanes: await openKafkaLanes({ ...options, member: 'bench' }) };
    });
  });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
