import { fail } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import type { IndexRow, ModelEntry } from '../../versions/cache/model-entry.ts';
import { type KeptVersion, ModelLoader, type ModelLoaderOptions } from '../../versions/cache/model-loader.ts';
import type { ServedVersion } from '../../versions/cache/served-version.ts';
import type { InferCaller, InferReply, InferRequest } from '../../versions/request/infer-request.ts';
import { refuse, unavailable, unknownModel } from '../../versions/request/refuse.ts';
import type { LoadOverride } from '../../versions/source/load-override.ts';
import type { SourceModel } from '../../versions/source/model-source.ts';
import type { InferLane } from '../rollout/infer-lanes.ts';
import { ResponseCache } from './response-cache.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface ModelHostOptions extends ModelLoaderOptions {
  /** A model without a request for this long is unloaded until its next one, ms. */
  readonly idleMs: number;
  /** Whether a request loads a model that was never loaded. */
  readonly loadsOnRequest: boolean;
  /** Answers that are kept, bytes. */
  readonly cacheBytes: number;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Shared memory that clients register; left out or null: it is off. */
  readonly sharedMemory?: SharedMemory | null;
  /** Logs the answer to a request that asks for it; null: it does not. Errors: OIP_REQUEST, those of the log. */
  readonly log?: (request: InferRequest, reply: InferReply) => Promise<unknown> | null;
  /** Refuses a request whose log could not be written, before it runs. Error: OIP_REQUEST. */
  readonly checkLog?: (request: InferRequest) => void;
  /** The lane of a request that names no version; null: no rollout of its model is under way. */
  readonly laneOf?: (request: InferRequest) => InferLane | null;
  /** Notes how long an answered request took, ms. */
  readonly answered?: (model: string, tookMs: number) => void;
}

/** The caller of a copy, or of a member of an ensemble: nobody waits for it. */
const NOBODY: InferCaller = { tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null };

/**
 * The models that callers of a server may name. Each is verified and warmed before it answers, the previous version answers until then,
 * and a load that fails leaves it.
 */
export class ModelHost {
  readonly #options: ModelHostOptions;
  readonly #loader: ModelLoader;
  readonly #cache: ResponseCache;

  constructor(options: ModelHostOptions) {
    this.#options = options;
    this.#loader = new ModelLoader(options, (request) => this.infer(request, NOBODY));
    this.#cache = new ResponseCache(options.cacheBytes, options.clock);
  }

  /** Tensors that are not in the body of a request; null: shared memory is off. */
  get sharedMemory(): SharedMemory | null {
    return this.#options.sharedMemory ?? null;
  }

  /** Loads models; one that fails is reported and does not keep the others out. */
  async loadAll(names: readonly string[]): Promise<void> {
    for (const name of names) await this.load(name).catch(this.#options.onFault);
  }

  /** Models that have been named so far, by name. */
  get entries(): ReadonlyMap<string, ModelEntry> {
    return this.#loader.entries;
  }

  /** Loaded versions of all models. */
  versions(): readonly ServedVersion[] {
    return this.#options.versions.versions();
  }

  get sizeBytes(): number {
    return this.#options.versions.sizeBytes;
  }

  /** Loads a model, or loads it again; the version that serves stays until the new one is warm. Error: OIP_LOAD. */
  async load(name: string, override?: LoadOverride): Promise<void> {
    // A name that no source knows leaves nothing.
    const isKnown = (override?.files.size ?? 0) > 0 || (await this.#loader.known()).includes(name);
    if (!isKnown && !this.#loader.entries.has(name))
      throw fail('OIP_LOAD', { reason: `failed to load '${name}', failed to poll from model repository` });
    const entry = this.#loader.entry(name);
    await entry.inTurn(() => this.#loader.load(entry, override));
  }

  /** Unloads a model; requests that it has taken get their answers. Error: OIP_LOAD, for a model that nobody knows. */
  async unload(name: string): Promise<void> {
    const entry = this.#loader.entries.get(name);
    if (entry === undefined && !(await this.#loader.known()).includes(name))
      throw fail('OIP_LOAD', { reason: `failed to unload '${name}', unknown model` });
    await entry?.inTurn(async () => this.#loader.retire(entry, 'unloaded'));
  }

  /** Every model that is known, loaded or not. */
  async index(readyOnly = false): Promise<readonly IndexRow[]> {
    for (const name of await this.#loader.known()) this.#loader.entry(name);
    const rows = [...this.#loader.entries.values()]
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
      resolved === '' ? entry.preferred() : (entry.version(resolved) ?? (await this.#loader.another(entry, resolved)));
    if (found === undefined)
      throw fail('OIP_UNKNOWN', { reason: `Request for unknown model: '${name}' version ${resolved} is not found` });
    return found;
  }

  /** The version, where it is loaded and named by its number or not at all; null: look further. Hot path. */
  findLoaded(name: string, version: string): ServedVersion | null {
    const entry = this.#loader.entries.get(name);
    if (entry?.state !== 'ready') return null;
    return (version === '' ? entry.preferred() : entry.version(version)) ?? null;
  }

  /** Answers a request. Errors: those of `find` and of a served version. Hot path. */
  async infer(request: InferRequest, caller: InferCaller): Promise<InferReply> {
    this.#options.checkLog?.(request);
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
        tenant: caller.tenant,
      });
    }
    if (this.#loader.entries.get(model)?.state === 'ready') this.find(model, missing).catch(this.#options.onFault);
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
    const entry = this.#loader.entry(model);
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
    const entry = this.#loader.entry(name);
    entry.pins += 1;
    let held = true;
    return () => {
      if (held) entry.pins -= 1;
      held = false;
    };
  }

  /** A model as its source has it now; null: no source has it. Errors: those of the source. */
  source(name: string): Promise<SourceModel | null> {
    return this.#loader.find(name);
  }

  /**
   * Keeps a version of a model loaded until it is let go; a model that nobody loaded is loaded, where a request would do so. Errors:
   * OIP_UNKNOWN, OIP_UNAVAILABLE, OIP_LOAD, those of the load.
   */
  async keep(name: string, version: string): Promise<KeptVersion> {
    await this.#awake(name, Number.POSITIVE_INFINITY);
    return this.#loader.keep(this.#loader.entry(name), version);
  }

  /** Goes over to the version of a model that its source prefers now, where the model is loaded. Errors: those of the load. */
  async follow(name: string): Promise<void> {
    const entry = this.#loader.entries.get(name);
    if (entry !== undefined) await this.#loader.follow(entry);
  }

  /** Loads versions that are preferred now, moves those at a wrong place, and unloads what is idle. Call it about once a second. */
  async tick(): Promise<void> {
    const before = performance.now() - this.#options.idleMs;
    // The policy of a configuration chooses when the model is loaded; a source that prefers a version may change its mind.
    for (const entry of this.#loader.entries.values())
      if (entry.chosen !== null) await this.#loader.follow(entry).catch(this.#options.onFault);
    for (const entry of this.#loader.entries.values()) this.#loader.trim(entry);
    await this.#options.versions.correct();
    for (const entry of this.#loader.entries.values())
      if (entry.isIdle && entry.lastUsed < before) await entry.inTurn(async () => this.#loader.retire(entry, 'asleep'));
  }

  /** Ends when every request has its answer and every model is freed. */
  async close(): Promise<void> {
    await this.#loader.close();
    this.sharedMemory?.unregister();
  }

  /** The entry of a model with a version that answers; loads it where that is due, for as long as the caller waits. */
  async #awake(name: string, deadline: number): Promise<ModelEntry> {
    const entry = this.#loader.entries.get(name);
    if (entry?.state === 'ready') return entry;
    const known = (await this.#loader.known()).includes(name);
    if (!known) throw unknownModel(name);
    if (!this.#loadsFor(entry))
      throw unavailable(
        `Request for model '${name}' cannot be answered: it is not loaded${entry?.reason ? `: ${entry.reason}` : ''}`,
      );
    const waking = this.#loader.entry(name);
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
    const entry = this.#loader.entries.get(name);
    if (entry?.state === 'ready') return (await this.find(name, version)) !== undefined;
    if (!(await this.#loader.known()).includes(name)) throw unknownModel(name);
    return this.#loadsFor(entry) && entry?.reason === '';
  }

  /** The number of the version that a caller means; empty: the newest. */
  async #resolved({ name }: ModelEntry, version: string): Promise<string> {
    if (version === '' || version === 'latest') return '';
    if (/^\d{1,18}$/.test(version)) return version;
    const alias = version.startsWith('@') ? version.slice(1) : version;
    const named = await (await this.#loader.find(name))?.alias(alias);
    if (named !== null && named !== undefined) return named;
    throw refuse(`failed to get model version from specified version string '${version}'`);
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
