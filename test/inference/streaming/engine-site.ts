import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { FileArtifactStore } from '../../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { onnxRuntime } from '../../../src/backends/onnx/onnx-runtime.ts';
import { fail } from '../../../src/base/errors/fail.ts';
import { openSqliteRegistry, registryFile } from '../../../src/compose/open-registry.ts';
import { streamInference } from '../../../src/features/define/declare.ts';
import type { ModelRegistry } from '../../../src/ports/model-registry.ts';
import { rowCodec } from '../../../src/schema/row-codec.ts';
import { EngineStream } from '../../../src/serving/streaming/engine-stream.ts';
import { streamTopics } from '../../../src/serving/streaming/open-lanes.ts';
import { requestOfRow } from '../../../src/serving/streaming/request-of.ts';
import { encodeControl } from '../../../src/serving/streaming/stream-record.ts';
import { asked, registerSmall, small } from '../../models/small-project.ts';
import { event } from '../stream-site.ts';
import { INPUT, lookAtRequest, SharedMemoryLog, START } from './shared-site.ts';
import { verdictsIn } from './verdicts.ts';

const scored = streamInference('scored', { model: small, from: asked, to: 'scores', scoredBy: 'engine' });
const { encode, decode } = rowCodec(asked.columns);

/** Processes that answer for one stream, over a log in memory. */
export class EngineSite {
  readonly log = new SharedMemoryLog();
  /** Ids of the vectors that were recorded. */
  readonly used: string[] = [];
  readonly #partitions: number;
  #registry: ModelRegistry | null = null;
  #artifacts = new FileArtifactStore(join(tmpdir(), 'none'));
  #looks = 0;
  readonly #atLook = new Map<number, () => unknown>();
  #sent = 0;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  async make(): Promise<this> {
    const directory = mkdtempSync(join(tmpdir(), 'headrace-engine-'));
    const registry = openSqliteRegistry(registryFile(directory));
    onTestFinished(() => registry.close());
    this.#registry = registry;
    this.#artifacts = new FileArtifactStore(join(directory, 'artifacts'));
    for (let version = 1; version <= 4; version += 1) await registerSmall(registry, this.#artifacts, 10 ** -version);
    this.log.openTopic(INPUT, this.#partitions);
    return this;
  }

  get registry(): ModelRegistry {
    if (this.#registry === null) throw new Error('the site is not made');
    return this.#registry;
  }

  async open(): Promise<EngineStream> {
    const toRequest = requestOfRow(asked, small.service);
    const stream = await EngineStream.open({
      data: scored,
      log: this.log,
      inputTopic: INPUT,
      partitions: this.#partitions,
      registry: this.registry,
      artifacts: this.#artifacts,
      runtime: onnxRuntime,
      python: null,
      requestOf: (payload) => toRequest(decode(payload)),
      recordUse: (id) => this.used.push(id),
      look: (service, request, at) => {
        if (JSON.stringify(request).includes('poison')) throw fail('MODEL_TENSOR', { reason: 'it is poison' });
        return lookAtRequest(service, request, at);
      },
      clock: () => START,
      // It waits for as long as a load takes.
      patience: () => new Promise(() => undefined),
      onFault: (error) => {
        throw error;
      },
      readPast: () => Promise.resolve(new Map()),
      verdicts: verdictsIn(this.log, INPUT, asked, () => ({ encode: (row) => encode(row), decode })),
      pause: async () => {
        this.#looks += 1;
        await new Promise((resolve) => setImmediate(resolve));
        await this.#atLook.get(this.#looks)?.();
      },
    });
    onTestFinished(() => stream.close());
    return stream;
  }

  async champion(version: number): Promise<void> {
    const expected = await this.registry.alias('small', 'champion');
    await this.registry.moveAlias('small', 'champion', { expected, to: version, at: 0 });
  }

  append(partition: number, count: number): void {
    const records = Array.from({ length: count }, () => {
      this.#sent += 1;
      const { id, at, name, number, gaps, category } = event(this.#sent, START);
      return { id, ts: at, ingestTs: at, payload: encode([id, at, name, number, gaps, category]) };
    });
    this.log.append(INPUT, partition, records);
  }

  /** Sends the record of an offset again. */
  appendAgain(partition: number, offset: number): void {
    this.log.append(INPUT, partition, this.log.read(INPUT, partition, offset, 1).records);
  }

  nameAt(offset: number): string {
    return event(offset, 0).name;
  }

  request(partition: number, offset: number): string {
    const { name, number, gaps, category } = event(offset, 0);
    return JSON.stringify({ partition, offset, at: START, request: { name, number, gaps, category } });
  }

  /** A plan of another process that has acknowledged it, and then died. */
  async plan(version: number, ceiling: number): Promise<void> {
    const { artifact } = await this.registry.version('small', version);
    const { control } = streamTopics(scored);
    const known = this.log.read(control, 0, 0, 1_000).records.filter(({ id }) => id === 'plan').length;
    const plan = known + 1;
    const cutOver = { kind: 'at-offset', offsets: null } as const;
    const records = [
      encodeControl({ kind: 'plan', plan, to: { version, digest: artifact }, cutOver, champion: null }, START),
      ...Array.from({ length: this.#partitions }, (_, partition) =>
        encodeControl({ kind: 'ack', plan, partition, epoch: 0, ceiling }, START),
      ),
    ];
    this.log.append(control, 0, records);
  }

  /** Does something after this many more looks of a held answer, which waits until it is done. */
  afterLooks<Done>(times: number, act: () => Done | Promise<Done>): Promise<Done> {
    return new Promise((resolve) => {
      this.#atLook.set(this.#looks + times, () => {
        const done = Promise.resolve(act());
        resolve(done);
        return done;
      });
    });
  }
}
