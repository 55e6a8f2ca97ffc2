import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type FoundRecord, judgeRecords, type Verdict } from '../../../examples/inference/judge.ts';
import { FileArtifactStore } from '../../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { onnxRuntime } from '../../../src/backends/onnx/onnx-runtime.ts';
import { type Random, randomBelow } from '../../../src/base/rng.ts';
import { streamInference } from '../../../src/features/define/declare.ts';
import type { EventLogCapabilities, LogRecord } from '../../../src/ports/event-log.ts';
import type { LaneNames, StreamLane } from '../../../src/ports/stream-lanes.ts';
import type { Value } from '../../../src/schema/column.ts';
import { rowCodec } from '../../../src/schema/row-codec.ts';
import { streamTopics } from '../../../src/serving/streaming/open-lanes.ts';
import { ProjectStreams } from '../../../src/serving/streaming/project-streams.ts';
import { openSqliteRegistry, registryFile } from '../../../src/site/open-registry.ts';
import { MemoryEventLog } from '../../memory/event-log.ts';
import { MemoryLanes } from '../../memory/stream-lanes.ts';
import { registeredIn } from '../../models/registered.ts';
import { asked, service, small } from '../../models/small-project.ts';
import { event, registerVersions } from '../stream-site.ts';
import { verdictsIn } from './verdicts.ts';

export const INPUT = 'asked@1';
export const scored = streamInference('scored', { model: small, from: asked, to: 'scores' });
export const START = Date.UTC(2026, 0, 1);

/** A log that several processes append to, as one on Kafka is. */
export class SharedMemoryLog extends MemoryEventLog {
  override readonly capabilities: EventLogCapabilities = { durability: 'memory', manyWriters: true, rows: 'json' };
}

/** Lanes whose fences and commits wait until a test lets them: a process may sleep just before one. */
class SleepyLanes extends MemoryLanes {
  asleep: Promise<void> | null = null;
  /** The topic whose commits fail. */
  broken: string | null = null;

  override open(names: LaneNames): StreamLane {
    const lane = super.open(names);
    return {
      close: () => lane.close(),
      fence: async (partition) => {
        await this.asleep;
        const held = await lane.fence(partition);
        return {
          ...held,
          commit: async (change) => {
            await this.asleep;
            if (this.broken === names.outputs) throw new Error('the disk is full');
            await held.commit(change);
          },
        };
      },
    };
  }
}

/** Answers with the request and a count of 1. */
export const lookAtRequest = (_: unknown, request: unknown, _at?: number) => {
  const given = request as Readonly<Record<string, Value>>;
  const values = service.features.map(({ name }) => given[name] ?? 1);
  const vector = { service, at: START, values, missing: [], stale: [], degraded: false, counts: [], texts: [] };
  return { request: [], tookMs: 0, vector: { ...vector, ages: { streaming: null, batch: null } } };
};

const { encode, decode } = rowCodec(asked.columns);

/** Several processes of one stream over one log, all in this process. */
export class SharedSite {
  readonly log = new SharedMemoryLog();
  readonly lanes: SleepyLanes;
  readonly faults: unknown[] = [];
  /** Ids of the vectors that were recorded. */
  readonly used: string[] = [];
  readonly #partitions: number;
  #directory = '';
  #sent = 0;

  constructor(partitions: number) {
    this.#partitions = partitions;
    this.lanes = new SleepyLanes(partitions);
  }

  async make(): Promise<this> {
    this.#directory = mkdtempSync(join(tmpdir(), 'headrace-shared-'));
    await registerVersions(this.#directory);
    this.log.openTopic(INPUT, this.#partitions);
    return this;
  }

  /** Opens the stream for a process of this name; a second life of a name follows the first. */
  async open(name: string): Promise<{ readonly streams: ProjectStreams; readonly lanes: SleepyLanes }> {
    const registry = openSqliteRegistry(registryFile(this.#directory));
    onTestFinished(() => registry.close());
    const artifacts = new FileArtifactStore(join(this.#directory, 'artifacts'));
    const lanes = new SleepyLanes(this.#partitions, name, this.lanes);
    const streams = new ProjectStreams({
      log: this.log,
      lanes,
      registry,
      artifacts,
      registered: registeredIn({ registry, artifacts, runtime: onnxRuntime }),
      python: null,
      streams: [scored],
      clock: () => START,
      onFault: (error) => this.faults.push(error),
    });
    await streams.makeTopics(this.#partitions);
    const rowsOf = () => ({ encode: (row: readonly Value[]) => encode(row), decode });
    await streams.open({
      look: lookAtRequest,
      recordUse: (id) => this.used.push(id),
      readPast: () => Promise.resolve(new Map()),
      rowsOf,
      verdictsOf: (source) => verdictsIn(this.log, INPUT, source, rowsOf),
      appliedTo: () => null,
    });
    return { streams, lanes };
  }

  append(partition: number, count: number): void {
    this.log.append(
      INPUT,
      partition,
      Array.from({ length: count }, () => this.#record()),
    );
  }

  /** New events, such as are sent again, and such as come too late, or too late at first. */
  appendMixed(partition: number, count: number, rng: Random): void {
    for (let i = 0; i < count; i += 1) {
      const { records } = this.log.read(INPUT, partition, 0, 1e6);
      const again = records.length === 0 || rng() < 0.6 ? null : records[randomBelow(rng, records.length)];
      const record = again ?? this.#record();
      const late = rng() < 0.1 ? asked.latenessMs + 1 : 0;
      this.log.append(INPUT, partition, [{ ...record, ts: record.ts - late, ingestTs: this.now }]);
    }
  }

  #record(): LogRecord {
    this.#sent += 1;
    const { id, at, name, number, gaps, category } = event(this.#sent, START + this.#sent);
    return { id, ts: at, ingestTs: at, payload: encode([id, at, name, number, gaps, category]) };
  }

  get now(): number {
    return START + this.#sent;
  }

  judge(): Verdict {
    const of = (topic: string, partitions: number): readonly FoundRecord[] =>
      Array.from({ length: partitions }, (_, partition) =>
        this.log.read(topic, partition, 0, 1e6).records.map(({ id, payload }, offset) => {
          return { partition, offset, id, payload: Buffer.from(payload).toString() };
        }),
      ).flat();
    const outputs = [...(this.lanes.outputs.get(streamTopics(scored).live) ?? [])].flatMap(({ records }, partition) =>
      records.map(({ id, payload }, offset) => ({ partition, offset, id, payload: Buffer.from(payload).toString() })),
    );
    return judgeRecords({
      partitions: this.#partitions,
      inputs: of(INPUT, this.#partitions),
      outputs,
      control: of(streamTopics(scored).control, 1),
      keyOf: (id) => [event(Number(id.slice(1)), 0).name],
    });
  }
}
