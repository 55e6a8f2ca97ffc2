import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import type { InferCaller, InferReply, InferRequest } from '../oip/infer-request.ts';
import { oipText, refuse, unavailable, unknownModel } from '../oip/refuse.ts';
import type { InferLane } from '../rollout/infer-lanes.ts';
import { ensembleModel } from './ensemble.ts';
import type { QueueLimits } from './infer-queue.ts';
import { type LoadOverride, overridden } from './load-override.ts';
import { loadVersion, type Runtimes } from './load-version.ts';
import { type IndexRow, ModelEntry } from './model-entry.ts';
import type { ModelSource, SourceModel } from './model-source.ts';
import { ResponseCache } from './response-cache.ts';
import type { ServedVersion } from './served-version.ts';

export interface ModelHostOptions {
  readonly sources: readonly ModelSource[];
  readonly runtimes: Runtimes;
  readonly limits: QueueLimits;
  /** Memory that loaded models may take together, bytes. */
  readonly budgetBytes: number;
  /** A model without a request for this long is unloaded until its next one, ms. */
  readonly idleMs: number;
  /** Whether a request loads a model that was never loaded. */
  readonly loadsOnRequest: boolean;
  /** Models that run in child processes. */
  readonly isolated?: readonly string[];
  /** Answers that are kept, bytes. */
  readonly cacheBytes: number;
  /** Logs the answer to a request that asks for it; null: it does not. Errors: OIP_REQUEST, those of the log. */
  readonly log?: (request: InferRequest, reply: InferReply) => Promise<unknown> | null;
  /** The lane of a request that names no version; null: no rollout of its model is under way. */
  readonly laneOf?: (request: InferRequest) => InferLane | null;
  /** Notes how long an answered request took, ms. */
  readonly answered?: (model: string, tookMs: number) => void;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** The caller of a copy: nobody waits for it. */
const NOBODY: InferCaller = { tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null };

/** Versions that a policy of a configuration serves. */
function chosenVersions({ config, versions, preferred }: SourceModel): readonly string[] {
  if (preferred !== null) return [preferred];
  const policy = config?.versionPolicy ?? { kind: 'latest', count: 1 };
  if (policy.kind === 'latest') return versions.slice(-policy.count);
  return policy.kind === 'all' ? versions : versions.filter((one) => policy.versions.includes(Number(one)));
}

/**
 * The models of a server. It owns their loads: each is verified and warmed before it answers, the previous version answers
 * until then, and a load that fails leaves it. It keeps them within a budget of memory.
 */
export class ModelHost {
  readonly #options: ModelHostOptions;
  readonly #entries = new Map<string, ModelEntry>();
  readonly #cache: ResponseCache;
  /** Loads run one at a time, so that the memory of each can be measured. */
  #loading: Promise<unknown> = Promise.resolve();
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  constructor(options: ModelHostOptions) {
    this.#options = options;
    this.#cache = new ResponseCache(options.cacheBytes, options.clock);
  }

  /** Loads models; one that fails is reported and does not keep the others out. */
  async loadAll(names: readonly string[]): Promise<void> {
    for (const name of names) await this.load(name).catch(this.#options.onFault);
  }

  /** Models that have been named so far, by name. */
  get entries(): ReadonlyMap<string, ModelEntry> {
    return this.#entries;
  }

  /** Loaded versions of all models. */
  versions(): readonly ServedVersion[] {
    return [...this.#entries.values()].flatMap(({ serving }) => serving);
  }

  get sizeBytes(): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + entry.sizeBytes, 0);
  }

  /** Loads a model, or loads it again; the version that serves stays until the new one is warm. Error: OIP_LOAD. */
  async load(name: string, override?: LoadOverride): Promise<void> {
    // A name that no source knows leaves nothing.
    const isKnown = (override?.files.size ?? 0) > 0 || (await this.#known()).includes(name);
    if (!isKnown && !this.#entries.has(name))
      throw fail('OIP_LOAD', { reason: `failed to load '${name}', failed to poll from model repository` });
    const entry = this.#entry(name);
    await entry.inTurn(() => this.#loadEntry(entry, override));
  }

  /** Unloads a model; requests that it has taken get their answers. Error: OIP_LOAD, for a model that nobody knows. */
  async unload(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined && !(await this.#known()).includes(name))
      throw fail('OIP_LOAD', { reason: `failed to unload '${name}', unknown model` });
    await entry?.inTurn(async () => this.#retire(entry, 'unloaded'));
  }

  /** Every model that is known, loaded or not. */
  async index(readyOnly = false): Promise<readonly IndexRow[]> {
    for (const name of await this.#known()) this.#entry(name);
    const rows = [...this.#entries.values()]
      .sort((a, b) => compareText(a.name, b.name))
      .flatMap((entry) => entry.rows());
    return readyOnly ? rows.filter(({ state }) => state === 'READY') : rows;
  }

  /** The loaded version of a model that a caller names. Errors: OIP_UNKNOWN, OIP_REQUEST, OIP_UNAVAILABLE. */
  async find(name: string, version = '', deadline = Number.POSITIVE_INFINITY): Promise<ServedVersion> {
    const loaded = this.findLoaded(name, version);
    if (loaded !== null) return loaded;
    const entry = await this.#awake(name, deadline);
    const resolved = await this.#resolved(entry, version);
    const found =
      resolved === '' ? entry.preferred() : (entry.version(resolved) ?? (await this.#another(entry, resolved)));
    if (found === undefined)
      throw fail('OIP_UNKNOWN', { reason: `Request for unknown model: '${name}' version ${resolved} is not found` });
    return found;
  }

  /** The version, where it is loaded and named by its number or not at all; null: look further. Hot path. */
  findLoaded(name: string, version: string): ServedVersion | null {
    const entry = this.#entries.get(name);
    if (entry?.state !== 'ready') return null;
    return (version === '' ? entry.preferred() : entry.version(version)) ?? null;
  }

  /** Answers a request. Errors: those of `find` and of a served version. Hot path. */
  async infer(request: InferRequest, caller: InferCaller): Promise<InferReply> {
    const reply = await this.#inLane(request, caller);
    await this.#options.log?.(request, reply);
    return reply;
  }

  async #inLane(request: InferRequest, caller: InferCaller): Promise<InferReply> {
    const lane = request.version === '' ? (this.#options.laneOf?.(request) ?? null) : null;
    if (lane === null) return this.#answer(request, caller);
    const { model } = request;
    // Nobody waits for the load of a candidate: until then the champion answers.
    const missing = lane.needed.find((version) => this.findLoaded(model, version) === null);
    if (missing === undefined) {
      const own = () => this.#answer({ ...request, version: lane.version }, caller);
      return lane.answered(own, {
        isOwnRefusal: () => this.#isOnlyRefusedBy(lane, request),
        runAs: (version) => this.#answer({ ...request, version }, NOBODY),
      });
    }
    if (this.#entries.get(model)?.state === 'ready') this.find(model, missing).catch(this.#options.onFault);
    return this.#answer(request, caller);
  }

  /** Answers a request piece by piece. Errors: as `infer`. */
  async *pieces(request: InferRequest, caller: InferCaller): AsyncGenerator<InferReply> {
    const { model, version } = request;
    const served = await this.find(model, version, caller.deadline);
    if (!served.config.decoupled) {
      yield await this.infer(request, caller);
      return;
    }
    const unpin = this.pin(model);
    try {
      yield* served.pieces(request, caller);
    } finally {
      unpin();
    }
  }

  /** Whether the version of a lane does not take a request that another version of the rollout takes. */
  #isOnlyRefusedBy({ version, needed }: InferLane, request: InferRequest): boolean {
    const takes = (one: string) => this.findLoaded(request.model, one)?.accepts(request) === true;
    return !takes(version) && needed.some(takes);
  }

  async #answer(request: InferRequest, caller: InferCaller): Promise<InferReply> {
    const { model, version } = request;
    let served = this.findLoaded(model, version) ?? (await this.find(model, version, caller.deadline));
    while (served.isClosing) served = await this.find(model, version, caller.deadline);
    const entry = this.#entry(model);
    entry.inFlight += 1;
    try {
      const reply = await this.#cached(served, request, caller);
      this.#options.answered?.(model, reply.queueMs + reply.computeMs);
      return reply;
    } finally {
      entry.inFlight -= 1;
    }
  }

  #cached(served: ServedVersion, request: InferRequest, caller: InferCaller): Promise<InferReply> {
    if (!served.config.caches) return served.infer(request, caller);
    return this.#cache.answer(served, request, () => served.infer(request, caller));
  }

  /** Keeps a model loaded until the returned function is called. */
  pin(name: string): () => void {
    const entry = this.#entry(name);
    entry.pins += 1;
    let held = true;
    return () => {
      if (held) entry.pins -= 1;
      held = false;
    };
  }

  /** Unloads what is idle, and loads versions that are preferred now. Call it about once a second. */
  async tick(): Promise<void> {
    const before = performance.now() - this.#options.idleMs;
    for (const entry of this.#entries.values()) await this.#follow(entry).catch(this.#options.onFault);
    for (const entry of this.#entries.values())
      if (entry.isIdle && entry.lastUsed < before) await entry.inTurn(async () => this.#retire(entry, 'asleep'));
  }

  /** Ends when every request has its answer and every model is freed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) await entry.inTurn(async () => this.#retire(entry, 'unloaded'));
    await Promise.all(this.#closing);
  }

  async #known(): Promise<readonly string[]> {
    const names = await Promise.all(this.#options.sources.map((source) => source.names()));
    return [...new Set(names.flat())];
  }

  #entry(name: string): ModelEntry {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const entry = new ModelEntry(name);
    this.#entries.set(name, entry);
    return entry;
  }

  /** The entry of a model with a version that answers; loads it where that is due, for as long as the caller waits. */
  async #awake(name: string, deadline: number): Promise<ModelEntry> {
    const entry = this.#entries.get(name);
    if (entry?.state === 'ready') return entry;
    const known = (await this.#known()).includes(name);
    if (!known) throw unknownModel(name);
    if (!this.#loadsFor(entry))
      throw unavailable(
        `Request for model '${name}' cannot be answered: it is not loaded${entry?.reason ? `: ${entry.reason}` : ''}`,
      );
    const waking = this.#entry(name);
    await within(
      waking.wake(() => this.load(name)),
      deadline,
    );
    return waking;
  }

  /** Whether a request loads a model: one that sleeps, or that nobody has loaded yet. */
  #loadsFor(entry: ModelEntry | undefined): boolean {
    const state = entry?.state ?? 'absent';
    return state === 'asleep' || (state === 'absent' && this.#options.loadsOnRequest);
  }

  /** Whether a request to a model would be answered, now or after a load. Errors: OIP_UNKNOWN. */
  async isReady(name: string, version: string): Promise<boolean> {
    const entry = this.#entries.get(name);
    if (entry?.state === 'ready') return (await this.find(name, version)) !== undefined;
    if (!(await this.#known()).includes(name)) throw unknownModel(name);
    return this.#loadsFor(entry) && entry?.reason === '';
  }

  /** The number of the version that a caller means; empty: the newest. */
  async #resolved({ name }: ModelEntry, version: string): Promise<string> {
    if (version === '' || version === 'latest') return '';
    if (/^\d{1,18}$/.test(version)) return version;
    const alias = version.startsWith('@') ? version.slice(1) : version;
    const named = await (await this.#find(name))?.alias(alias);
    if (named !== null && named !== undefined) return named;
    throw refuse(`failed to get model version from specified version string '${version}'`);
  }

  /** A version that no policy chose, of a source whose callers may name any. */
  async #another(entry: ModelEntry, version: string): Promise<ServedVersion | undefined> {
    const source = await this.#find(entry.name);
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
  async #follow(entry: ModelEntry): Promise<void> {
    if (entry.state !== 'ready' || entry.chosen === null) return;
    const source = await this.#find(entry.name);
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
    await this.#another(entry, preferred);
    entry.chosen = preferred;
  }

  /** One load at a time. */
  #measured<T>(work: () => Promise<T>): Promise<T> {
    const loaded = this.#loading.then(work);
    this.#loading = loaded.catch(() => undefined);
    return loaded;
  }

  async #find(name: string): Promise<SourceModel | null> {
    for (const source of this.#options.sources) {
      const found = await source.find(name);
      if (found !== null) return found;
    }
    return null;
  }

  async #loadEntry(entry: ModelEntry, override: LoadOverride | undefined): Promise<void> {
    entry.isLoading = true;
    try {
      const before = entry.serving;
      const source = overridden(entry.name, await this.#find(entry.name), override);
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
        outputs: outputs.map((name) => ({ name, binary: true, classes: 0 })),
      };
      const reply = await this.infer(request, { tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null });
      return reply.outputs;
    });
  }

  /** Unloads the least recently used models until `bytes` more fit. Error: OIP_LOAD. */
  async #makeRoom(wanting: ModelEntry, bytes: number): Promise<void> {
    const { budgetBytes } = this.#options;
    const others = () => this.sizeBytes - wanting.sizeBytes;
    while (others() + bytes > budgetBytes) {
      const idle = [...this.#entries.values()].filter(
        (entry) => entry !== wanting && entry.isIdle && entry.sizeBytes > 0,
      );
      const [least] = idle.sort((a, b) => a.lastUsed - b.lastUsed);
      if (least === undefined)
        throw fail('OIP_LOAD', {
          reason: `it takes ${bytes} bytes, and models in use take ${others()} of the ${budgetBytes} that are allowed`,
        });
      this.#retire(least, 'asleep');
    }
  }

  #retire(entry: ModelEntry, state: 'unloaded' | 'asleep'): void {
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

/** Waits for a load until a deadline; the load continues for others. Error: OIP_UNAVAILABLE. */
async function within(loading: Promise<void>, deadline: number): Promise<void> {
  if (!Number.isFinite(deadline)) return loading;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(unavailable('Request timeout expired while the model loads')),
    Math.max(0, deadline - performance.now()),
  );
  try {
    await Promise.race([loading, promise]);
  } finally {
    clearTimeout(timer);
  }
}
