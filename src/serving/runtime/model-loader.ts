import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
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
  /** Versions of a model that a rollout needs, also in its soak; left out: there are no rollouts. */
  readonly inRollout?: (model: string) => readonly string[];
  /** A version besides the one that answers is unloaded when nobody has named it for this long, ms. */
  readonly otherVersionsMs?: number;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** Callers who name a version do so more often than this, ms. */
const OTHER_VERSIONS_MS = 600_000;

/** A model changes its place no more often than this, ms. */
const MOVE_EVERY_MS = 60_000;

/** Versions that a policy of a configuration serves. */
function chosenVersions({ config, versions, preferred }: SourceModel): readonly string[] {
  if (preferred !== null) return [preferred];
  const policy = config?.versionPolicy ?? { kind: 'latest', count: 1 };
  if (policy.kind === 'latest') return versions.slice(-policy.count);
  return policy.kind === 'all' ? versions : versions.filter((one) => policy.versions.includes(Number(one)));
}

/** A load of one version more, or of the same version at another place. */
interface LoadKind {
  readonly isAdded?: boolean;
  readonly moved?: ServedVersion;
}

/** Loads and unloads the models of a host, one at a time, within a budget of memory. */
export class ModelLoader {
  /** Models that have been named so far, by name. */
  readonly entries = new Map<string, ModelEntry>();
  readonly #options: ModelLoaderOptions;
  readonly #infer: (request: InferRequest) => Promise<InferReply>;
  /** Loads run one at a time, so that the memory of each can be measured. */
  /** One load at a time. */
  readonly #measured = turnsInOrder();
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
      entry.source = source;
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
      const [loaded] = await this.#measured(() => this.#loadVersions(entry, source, [version], { isAdded: true }));
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

  /** Lets versions go that nobody has named lately, besides the one that answers and those of a rollout. */
  trim(entry: ModelEntry): void {
    const before = performance.now() - (this.#options.otherVersionsMs ?? OTHER_VERSIONS_MS);
    for (const one of this.#others(entry)) if (one.lastUsed < before) this.#drop(entry, one);
  }

  /** Versions of a model that no caller without a number gets, and that may be unloaded. */
  #others(entry: ModelEntry): readonly ServedVersion[] {
    if (entry.chosen === null || entry.isLoading) return [];
    const kept = [entry.chosen, ...this.#inRollout(entry)];
    return entry.serving.filter((one) => !kept.includes(one.version) && !one.isBusy);
  }

  #inRollout({ name }: ModelEntry): readonly string[] {
    return this.#options.inRollout?.(name) ?? [];
  }

  #drop(entry: ModelEntry, version: ServedVersion): void {
    entry.serving = entry.serving.filter((one) => one !== version);
    this.#release([version]);
  }

  /** Whether a model may be unloaded without a call that says so. */
  isIdle(entry: ModelEntry): boolean {
    return entry.isIdle && this.#inRollout(entry).length === 0;
  }

  /** Moves a version whose runs are of another length than its warm-up said to the place for them. It answers until then. */
  async correct(entry: ModelEntry): Promise<void> {
    const { source } = entry;
    const wrong = entry.serving.find((one) => one.isMisplaced);
    if (wrong === undefined || source === null || entry.isLoading || this.#closed) return;
    if (performance.now() - entry.movedAt < MOVE_EVERY_MS) return;
    entry.movedAt = performance.now();
    await entry.inTurn(async () => {
      if (!entry.serving.includes(wrong)) return;
      const [moved] = await this.#measured(() => this.#loadVersions(entry, source, [wrong.version], { moved: wrong }));
      entry.serving = entry.serving.map((one) => (one === wrong ? moved : one));
      this.#release([wrong]);
    });
  }

  async #loadVersions(
    entry: ModelEntry,
    source: SourceModel,
    chosen: readonly string[],
    { isAdded = false, moved }: LoadKind = {},
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
          await loadVersion({ name, version, source, runtimes, limits, isIsolated, clock, recent, ensemble, moved }),
        );
      const bytes = loaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      await this.#makeRoom(entry, bytes, isAdded);
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

  /**
   * Unloads what was least recently used until `bytes` more fit: versions besides those that answer, then whole models. The versions of
   * the model itself go after the load, unless it `isAdded` to them. Error: OIP_LOAD.
   */
  async #makeRoom(wanting: ModelEntry, bytes: number, isAdded: boolean): Promise<void> {
    const { budgetBytes } = this.#options;
    const taken = () => this.sizeBytes - (isAdded ? 0 : wanting.sizeBytes);
    while (taken() + bytes > budgetBytes) {
      if (this.#dropLeast()) continue;
      const idle = [...this.entries.values()].filter(
        (entry) => entry !== wanting && this.isIdle(entry) && entry.sizeBytes > 0,
      );
      const [least] = idle.sort((a, b) => a.lastUsed - b.lastUsed);
      if (least === undefined)
        throw fail('OIP_LOAD', {
          reason: `it takes ${bytes} bytes, and models in use take ${taken()} of the ${budgetBytes} that are allowed`,
        });
      this.retire(least, 'asleep');
    }
  }

  /** Unloads the least recently used version besides those that answer; gives whether there was one. */
  #dropLeast(): boolean {
    const all = [...this.entries.values()].flatMap((entry) =>
      this.#others(entry).map((version) => ({ entry, version })),
    );
    const [least] = all.sort((a, b) => a.version.lastUsed - b.version.lastUsed);
    if (least === undefined) return false;
    this.#drop(least.entry, least.version);
    return true;
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
