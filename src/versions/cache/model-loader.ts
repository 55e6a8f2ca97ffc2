import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { InferReply, InferRequest } from '../request/infer-request.ts';
import { oipText } from '../request/refuse.ts';
import { ensembleModel } from '../source/ensemble.ts';
import { type LoadOverride, overridden } from '../source/load-override.ts';
import type { LoadableModel, ModelSource, SourceModel } from '../source/model-source.ts';
import type { VersionHold } from './cached-version.ts';
import { ModelEntry } from './model-entry.ts';
import type { ServedVersion } from './served-version.ts';
import type { VersionCache } from './version-cache.ts';

export interface ModelLoaderOptions {
  /** The loaded versions of the process. */
  readonly versions: VersionCache;
  readonly sources: readonly ModelSource[];
  /** A version besides the one that answers is let go when nobody has named it for this long, ms. */
  readonly otherVersionsMs?: number;
  readonly onFault: (error: unknown) => void;
}

/** A version that stays loaded, whatever callers ask for, until it is let go. */
export interface KeptVersion {
  readonly served: ServedVersion;
  release(): Promise<void>;
}

/** Callers who name a version do so more often than this, ms. */
const OTHER_VERSIONS_MS = 600_000;

/** Versions that a policy of a configuration serves. */
function chosenVersions({ config, versions, preferred }: SourceModel): readonly string[] {
  if (preferred !== null) return [preferred];
  const policy = config?.versionPolicy ?? { kind: 'latest', count: 1 };
  if (policy.kind === 'latest') return versions.slice(-policy.count);
  return policy.kind === 'all' ? versions : versions.filter((one) => policy.versions.includes(Number(one)));
}

/** The versions that callers may name: holds them while they are asked for, and lets go what nobody needs most where memory is short. */
export class ModelLoader {
  /** Models that have been named so far, by name. */
  readonly entries = new Map<string, ModelEntry>();
  readonly #options: ModelLoaderOptions;
  readonly #infer: (request: InferRequest) => Promise<InferReply>;
  #closed = false;

  /** `infer` runs the members of ensembles. */
  constructor(options: ModelLoaderOptions, infer: (request: InferRequest) => Promise<InferReply>) {
    this.#options = options;
    this.#infer = infer;
    options.versions.makesRoomBy((wanting) => this.#letGo(wanting));
  }

  /** Ends when every request has its answer and every model is freed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.entries.values()) await entry.inTurn(async () => this.retire(entry, 'unloaded'));
    await this.#options.versions.drained();
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
      const before = entry.holds;
      const source = overridden(entry.name, await this.find(entry.name), override);
      if (source === null) throw fail('OIP_LOAD', { reason: 'failed to poll from model repository' });
      const chosen = chosenVersions(source);
      // Before the load: it may take minutes.
      for (const version of chosen) await source.prepare?.(version);
      const kept = entry.kept.filter((version) => source.versions.includes(version) && !chosen.includes(version));
      entry.holds = inOrder(await this.#hold(entry, source, [...chosen, ...kept]));
      entry.listed = chosen;
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
      if (entry.version(version) === undefined) {
        await source.prepare?.(version);
        await this.#add(entry, source, version);
      }
      if (!entry.isListed(version)) entry.listed = [...entry.listed, version];
    });
    return entry.version(version);
  }

  /**
   * Keeps a version loaded, whatever callers ask for, until it is let go; who does so decides that it may run. Errors: OIP_LOAD,
   * OIP_UNAVAILABLE for a model that an operator unloaded, those of the load.
   */
  async keep(entry: ModelEntry, version: string): Promise<KeptVersion> {
    entry.keep(version);
    try {
      await entry.inTurn(() => this.#loadKept(entry, version));
    } catch (error) {
      entry.unkeep(version);
      throw error;
    }
    const served = entry.version(version);
    let isKept = true;
    const release = async () => {
      if (isKept && entry.unkeep(version)) await entry.inTurn(async () => this.#dropUnlisted(entry, version));
      isKept = false;
    };
    if (served !== undefined) return { served, release };
    await release();
    throw fail('OIP_LOAD', { reason: `version ${version} of '${entry.name}' is not there` });
  }

  async #loadKept(entry: ModelEntry, version: string): Promise<void> {
    if (entry.state !== 'ready') return this.load(entry, undefined);
    if (entry.version(version) !== undefined) return;
    const source = await this.find(entry.name);
    if (source?.versions.includes(version) === true) await this.#add(entry, source, version);
  }

  async #add(entry: ModelEntry, source: SourceModel, version: string): Promise<void> {
    const added = await this.#hold(entry, source, [version], true);
    // Only now: the load may have let others go.
    entry.holds = inOrder([...entry.holds, ...added]);
  }

  /** Lets a version go that was only kept. */
  #dropUnlisted(entry: ModelEntry, version: string): void {
    const hold = entry.holds.find((one) => one.version === version);
    if (hold !== undefined && !entry.isKept(version) && !entry.isListed(version)) this.#drop(entry, hold);
  }

  /** Loads the version that its source prefers now; the previous one stays, for callers that name it. */
  async follow(entry: ModelEntry): Promise<void> {
    if (entry.state !== 'ready') return;
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

  /** Lets versions go that nobody has named lately, besides the one that answers. */
  trim(entry: ModelEntry): void {
    const before = performance.now() - (this.#options.otherVersionsMs ?? OTHER_VERSIONS_MS);
    for (const one of others(entry)) if (one.served.lastUsed < before) this.#drop(entry, one);
  }

  #drop(entry: ModelEntry, hold: VersionHold): void {
    entry.listed = entry.listed.filter((version) => version !== hold.version);
    entry.holds = entry.holds.filter((one) => one !== hold);
    this.#release([hold]);
  }

  /** Holds versions of a model; none of them where one fails. `isAdded`: to those that the entry has. */
  async #hold(
    entry: ModelEntry,
    source: SourceModel,
    chosen: readonly string[],
    isAdded = false,
  ): Promise<readonly VersionHold[]> {
    if (this.#closed) throw fail('OIP_LOAD', { reason: 'the server closes' });
    if (chosen.length === 0)
      throw fail('OIP_LOAD', { reason: 'at least one version must be available under the version policy' });
    const ask = {
      name: entry.name,
      source,
      isOwn: false,
      // The versions of the model itself go after the load.
      replaced: () => (isAdded ? 0 : entry.ownBytes),
      ensemble: (model: LoadableModel) => this.#ensemble(model),
    };
    const holds: VersionHold[] = [];
    try {
      for (const version of chosen) holds.push(await this.#options.versions.hold({ ...ask, version }));
      return holds;
    } catch (error) {
      this.#release(holds);
      throw error;
    }
  }

  #ensemble({ config }: LoadableModel): LoadedModel {
    if (config === null) throw fail('OIP_LOAD', { reason: 'an ensemble has no configuration' });
    return ensembleModel(config, async ({ model, version }, inputs, outputs, parameters) => {
      const request = {
        model,
        version,
        id: '',
        parameters,
        inputs,
        outputs: outputs.map((name) => ({ name, binary: true, classes: 0, shared: null })),
      };
      return (await this.#infer(request)).outputs;
    });
  }

  /** Lets the least recently used go that frees memory: a version besides those that answer, then a whole model; false: there is none. */
  #letGo(wanting: string): boolean {
    const all = [...this.entries.values()];
    const [other] = all
      .flatMap((entry) => others(entry).map((hold) => ({ entry, hold })))
      .filter(({ hold }) => hold.isLast)
      .sort((a, b) => a.hold.served.lastUsed - b.hold.served.lastUsed);
    if (other !== undefined) {
      this.#drop(other.entry, other.hold);
      return true;
    }
    const [least] = all
      .filter((entry) => entry.name !== wanting && entry.isIdle && entry.ownBytes > 0)
      .sort((a, b) => a.lastUsed - b.lastUsed);
    if (least === undefined) return false;
    this.retire(least, 'asleep');
    return true;
  }

  /** Takes a model out of service; requests that it has taken get their answers. */
  retire(entry: ModelEntry, state: 'unloaded' | 'asleep'): void {
    const before = entry.holds;
    entry.holds = [];
    entry.listed = [];
    entry.state = state;
    entry.reason = '';
    this.#release(before);
  }

  /** Lets versions go; the cache reports what becomes of their ends. */
  #release(holds: readonly VersionHold[]): void {
    for (const hold of holds) hold.release().catch(() => undefined);
  }
}

/** Versions of a model that no caller without a number gets, and that may be let go. */
function others(entry: ModelEntry): readonly VersionHold[] {
  const { chosen, isLoading, holds } = entry;
  if (chosen === null || isLoading) return [];
  return holds.filter(({ version, served }) => version !== chosen && !entry.isKept(version) && !served.isBusy);
}

function inOrder(holds: readonly VersionHold[]): readonly VersionHold[] {
  return holds.toSorted((a, b) => Number(a.version) - Number(b.version));
}
