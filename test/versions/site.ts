import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { fail } from '../../src/base/errors/fail.ts';
import type { ModelVersion } from '../../src/ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../src/ports/model-runtime.ts';
import type { Value } from '../../src/schema/column.ts';
import { ModelHost } from '../../src/serving/oip/model-host.ts';
import { ModelServer } from '../../src/serving/online/model-server.ts';
import { LoadedVersions } from '../../src/serving/streaming/loaded-versions.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { RegisteredVersions } from '../../src/versions/cache/registered-versions.ts';
import type { VersionCacheOptions } from '../../src/versions/cache/version-cache.ts';
import { scoringDigest } from '../../src/versions/load/scored-version.ts';
import type { InferRequest } from '../../src/versions/request/infer-request.ts';
import { RegistrySource } from '../../src/versions/source/registry-source.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { cacheOf } from '../models/registered.ts';
import { registerSmall, small } from '../models/small-project.ts';

/** by_asked_1h, name, number, gaps, category. */
export const vector: readonly Value[] = [0, 'ann', 14.721359252929688, 0.7548776865005493, 5];

/** The runtime of ONNX files, with its loads and open models counted; its runs wait while the gate is shut. */
class CountedRuntime implements ModelRuntime {
  readonly platform = onnxRuntime.platform;
  loads = 0;
  open = 0;
  /** Rows of each run since the gate was shut. */
  readonly runs: number[] = [];
  /** Whether a run of this many rows fails. */
  refuses: (rows: number) => boolean = () => false;
  #gate: PromiseWithResolvers<void> | null = null;

  ready(): Promise<void> {
    return onnxRuntime.ready();
  }

  async load(file: Uint8Array): Promise<LoadedModel> {
    this.loads += 1;
    const inner = await onnxRuntime.load(file);
    this.open += 1;
    return {
      signature: inner.signature,
      run: async (inputs, outputs) => {
        if (this.#gate !== null) this.runs.push(inputs[0].shape[0]);
        await this.#gate?.promise;
        if (this.refuses(inputs[0].shape[0])) throw fail('MODEL_TENSOR', { reason: 'it is refused' });
        return inner.run(inputs, outputs);
      },
      close: async () => {
        this.open -= 1;
        await inner.close();
      },
    };
  }

  shut(): void {
    this.runs.length = 0;
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }
}

/** A process that has some versions of the small model; the first is champion. Everything that asks for them shares one cache. */
export async function versionSite(strengths: readonly number[], options: Partial<VersionCacheOptions> = {}) {
  const registry = openSqliteRegistry(':memory:');
  const artifacts = new MemoryArtifactStore();
  const registered: ModelVersion[] = [];
  for (const c of strengths) registered.push(await registerSmall(registry, artifacts, c));
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  const runtime = new CountedRuntime();
  const cache = cacheOf(runtime, options);
  const tools = { registry, artifacts, python: null };
  const versions = new RegisteredVersions({ ...tools, versions: cache });
  const server = new ModelServer({ model: small, registry, artifacts, registered: versions });
  const host = new ModelHost({
    versions: cache,
    sources: [new RegistrySource(tools)],
    idleMs: Number.POSITIVE_INFINITY,
    loadsOnRequest: true,
    cacheBytes: 0,
    clock: Date.now,
    onFault: (error) => {
      throw error;
    },
  });
  const stream = new LoadedVersions({ ...tools, registered: versions, stream: 'scored', model: small });
  const [{ signature }] = registered;
  /** A request of tensors for rows of 0. */
  const request = (rows: number, version = ''): InferRequest => {
    const { length: width } = signature.features;
    const data = new Float32Array(rows * width);
    const inputs = [{ name: signature.input, type: 'FP32' as const, shape: [rows, width], data }];
    return { model: 'small', version, id: '', parameters: {}, inputs, outputs: null };
  };
  /** The version that a stream has, loaded. */
  const streamed = async (version = 1) => {
    const record = await versions.record('small', version);
    return stream.load({ version, digest: await scoringDigest(record, tools) });
  };
  return { registry, artifacts, registered, runtime, cache, server, host, stream, streamed, request };
}

export const nobody = { tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null };
