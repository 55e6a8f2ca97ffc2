import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { InferReply, InferRequest } from '../oip/infer-request.ts';
import { oipText } from '../oip/refuse.ts';
import { ensembleModel } from './ensemble.ts';
import type { QueueLimits } from './infer-queue.ts';
import { type LoadOverride, overridden } from './load-override.ts';
import { loadVersion, type Runtimes } from './load-version.ts';
import { ModelEntry } from './model-entry.ts';
import type { ModelSource, SourceModel } from './model-source.ts';
import type { ServedVersion } from './served-version.ts';

export interface ModelLoaderOptions {
  readonly sources: readonly ModelSource[];
  readonly runtimes: Runtimes;
  readonly limits: QueueLimits;
  /** Memory that loaded models may take together, bytes. */
  readonly budgetBytes: number;
  /** Models that run in child processes. */
  readonly isolated?: readonly string[];
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** Versions that a policy of a configuration serves. */
function chosenVersions({ config, versions, preferred }: SourceModel): readonly string[] {
  if (preferred !== null) return [preferred];
  const policy = config?.versionPolicy ?? { kind: 'latest', count: 1 };
  if (policy.kind === 'latest') return versions.slice(-policy.count);
  return policy.kind === 'all' ? versions : versions.filter((one) => policy.versions.includes(Number(one)));
}

/** Loads and unloads the models of a host, one at a time, within a budget of memory. */
export class ModelLoader {
  /** Models that have been named so far, by name. */
  readonly entries = new Map<string, ModelEntry>();
  readonly #options: ModelLoaderOptions;
  readonly #infer: (request: InferRequest) => Promise<InferReply>;
  /** Loads run one at a time, so that the memory of each can be measured. */
  #loading: Promise<unknown> = Promise.resolve();
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  /** `infer` runs the members of ensembles. */
  constructor(options: ModelLoaderOptions, infer: (request: InferRequest) => Promise<InferReply>) {
    this.#options = options;
    this.#infer = infer;
  }

  get sizeBytes(): number {
    return [...this.entries.values()].reduce((sum, entry) => sum + entry.sizeBytes, 0);
  }

  /** Ends when every request has its answer and every model is freed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.entries.values()) await entry.inTurn(async () => this.retire(entry, 'unloaded'));
    await Promise.all(this.#closing);
  }

  /** The names that the sources have. */
  async known(): Promise<readonly string[]> {
    const names = await Promise.all(this.#options.sources.map((source) => source.names()));
    return [...new Set(names.flat())];
  }

  /** The entry of a model, made if there is none. */
  entry(name: string): ModelEntry {
    const known = this.entries.get(name);
    if (known !== undefined) return known;
    const entry = new ModelEntry(name);
    this.entries.set(name, entry);
    return entry;
  }

  /** The model in the first source that has it. */
  async find(name: string): Promise<SourceModel | null> {
    for (const source of this.#options.sources) {
      const found = await source.find(name);
      if (found !== null) return found;
    }
    return null;
  }

  /** Loads an entry in its turn. The version that serves stays until the new one is warm. Error: OIP_LOAD. */
  async load(entry: ModelEntry, override: LoadOverride | undefined): Promise<void> {
    entry.isLoading = true;
    try {
      const before = entry.serving;
      const source = overridden(entry.name, await this.find(entry.name), override);
      if (source === null) throw fail('OIP_LOAD', { reason: 'failed to poll from model repository' });
      const chosen = chosenVersions(source);
      // Before the one load at a time: it may take minutes.
      for (const version of chosen) await source.prepare?.(version);
      entry.serving = await this.#measured(() => this.#loadVersions(entry, source, chosen));
      entry.chosen = source.preferred;
      entry.state = 'ready';
      entry.reason = '';
      this.#release(before);
    } catch (error) {
      entry.failed(error);
      const reason = `failed to load '${entry.name}', ${isHeadraceError(error) ? oipText(error) : 'internal error'}`;
      throw fail('OIP_LOAD', { reason }, error);
    } finally {
      entry.isLoading = false;
    }
  }

  /** A version that no policy chose, of a source whose callers may name any. */
  async another(entry: ModelEntry, version: string): Promise<ServedVersion | undefined> {
    const source = await this.find(entry.name);
    if (source?.preferred === null || source?.versions.includes(version) !== true) return undefined;
    await entry.inTurn(async () => {
      if (entry.version(version) !== undefined) return;
      await source.prepare?.(version);
      const [loaded] = await this.#measured(() => this.#loadVersions(entry, source, [version]));
      entry.serving = [...entry.serving, loaded].sort((a, b) => Number(a.version) - Number(b.version));
    });
    return entry.version(version);
  }

  /** Loads the version that its source prefers now; the previous one stays, for callers that name it. */
  async follow(entry: ModelEntry): Promise<void> {
    if (entry.state !== 'ready' || entry.chosen === null) return;
    const source = await this.find(entry.name);
    const preferred = source?.preferred ?? null;
    if (preferred === null || preferred === entry.chosen) return;
    try {
      await source?.mustBePrepared?.(preferred);
    } catch (error) {
      // The previous version answers meanwhile, and the health report has the reason.
      entry.failed(error);
      return;
    }
    entry.reason = '';
    await this.another(entry, preferred);
    entry.chosen = preferred;
  }

  /** One load at a time. */
  #measured<T>(work: () => Promise<T>): Promise<T> {
    const loaded = this.#loading.then(work);
    this.#loading = loaded.catch(() => undefined);
    return loaded;
  }

  async #loadVersions(
    entry: ModelEntry,
    source: SourceModel,
    chosen: readonly string[],
  ): Promise<readonly ServedVersion[]> {
    const { name } = entry;
    if (this.#closed) throw fail('OIP_LOAD', { reason: 'the server closes' });
    if (chosen.length === 0)
      throw fail('OIP_LOAD', { reason: 'at least one version must be available under the version policy' });
    const { runtimes, limits, clock, isolated = [] } = this.#options;
    const isIsolated = isolated.includes(name);
    const loaded: ServedVersion[] = [];
    const recent = entry.preferred()?.recent ?? [];
    const ensemble = (model: SourceModel) => this.#ensemble(model);
    try {
      for (const version of chosen)
        loaded.push(
          await loadVersion({ name, version, source, runtimes, limits, isIsolated, clock, recent, ensemble }),
        );
      await this.#makeRoom(
        entry,
        loaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      );
      return loaded;
    } catch (error) {
      await Promise.all(loaded.map((one) => one.close()));
      throw error;
    }
  }

  #ensemble({ config }: SourceModel): LoadedModel {
    if (config === null) throw fail('OIP_LOAD', { reason: 'an ensemble has no configuration' });
    return ensembleModel(config, async ({ model, version }, inputs, outputs) => {
      const request = {
        model,
        version,
        id: '',
        parameters: {},
        inputs,
        outputs: outputs.map((name) => ({ name, binary: true, classes: 0, shared: null })),
      };
      return (await this.#infer(request)).outputs;
    });
  }

  /** Unloads the least recently used models until `bytes` more fit. Error: OIP_LOAD. */
  async #makeRoom(wanting: ModelEntry, bytes: number): Promise<void> {
    const { budgetBytes } = this.#options;
    const others = () => this.sizeBytes - wanting.sizeBytes;
    while (others() + bytes > budgetBytes) {
      const idle = [...this.entries.values()].filter(
        (entry) => entry !== wanting && entry.isIdle && entry.sizeBytes > 0,
      );
      const [least] = idle.sort((a, b) => a.lastUsed - b.lastUsed);
      if (least === undefined)
        throw fail('OIP_LOAD', {
          reason: `it takes ${bytes} bytes, and models in use take ${others()} of the ${budgetBytes} that are allowed`,
        });
      this.retire(least, 'asleep');
    }
  }

  /** Takes a model out of service; requests that it has taken get their answers. */
  retire(entry: ModelEntry, state: 'unloaded' | 'asleep'): void {
    const before = entry.serving;
    entry.serving = [];
    entry.state = state;
    entry.reason = '';
    this.#release(before);
  }

  /** Closes versions once their requests have been answered. */
  #release(versions: readonly ServedVersion[]): void {
    for (const version of versions) {
      const closing = version.close().catch(this.#options.onFault);
      this.#closing.add(closing);
      void closing.finally(() => this.#closing.delete(closing));
    }
  }
}
