import { isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { FeatureServiceData, OnDemandViewData, StreamViewData } from '../../features/define/declaration.ts';
import { type ComputeOf, type ServiceEvaluator, serviceEvaluator } from '../../features/service/evaluate.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { KeptText } from '../../features/window/window-memo.ts';
import type { MissingReason, ReadSteps } from '../../observe/measured-read.ts';
import type { Value } from '../../schema/column.ts';
import type { BatchReads } from './budgeted-reads.ts';
import { type BatchLookup, compileLookup, type Lookup, type StreamLookup } from './compile-lookup.ts';
import { isSlow } from './compute-guard.ts';
import type { TileLookup } from './fetch-tiles.ts';
import type { MissingFeature, ServedVector } from './served-vector.ts';
import { groupsOf, readGroup, type StreamGroup } from './stream-group.ts';
import type { TileSource } from './tile-source.ts';

export interface VectorReaderOptions {
  readonly service: FeatureServiceData;
  readonly layoutOf: (view: StreamViewData) => TileLayout;
  readonly tiles: TileSource;
  readonly readBatch: BatchReads;
  readonly computeOf: ComputeOf;
  readonly clock: Clock;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/**
 * Reads the vectors of one service: the tiles of all stream lookups, one read for all batch lookups, then the request
 * features. Hot path: compiled once per service.
 */
export class VectorReader {
  readonly service: FeatureServiceData;
  readonly #options: VectorReaderOptions;
  readonly #evaluate: ServiceEvaluator;
  readonly #streams: readonly StreamLookup[];
  readonly #groups: readonly StreamGroup[];
  readonly #batches: readonly BatchLookup[];
  readonly #inOrder: readonly Lookup[];
  readonly #failed = new Map<OnDemandViewData, MissingReason>();
  /** The values of the current read, by lookup of the service; each read reuses it. */
  readonly #values: (readonly Value[])[] = [];
  /** The tiles of the current read. */
  #tiles: TileSource;

  constructor(options: VectorReaderOptions) {
    this.service = options.service;
    this.#options = options;
    this.#tiles = options.tiles;
    this.#evaluate = serviceEvaluator(options.service, options.computeOf);
    this.#inOrder = options.service.lookups.map((lookup, place) =>
      compileLookup(options.service, lookup, place, options.layoutOf),
    );
    this.#streams = this.#inOrder.filter((lookup) => lookup.kind === 'stream');
    this.#groups = groupsOf(this.#streams);
    this.#batches = this.#inOrder.filter((lookup) => lookup.kind === 'batch');
  }

  /**
   * The vector of a parsed request as of `at`. Without `at` it is read as of now, or just after the newest event of its
   * entities where a producer's clock is ahead: a served instant has always seen exactly the events before it.
   * `counted`: whether to return the number of events of every window, for the log of served vectors. `steps` is
   * filled, if it is given.
   */
  read(
    request: readonly Value[],
    at: number | undefined,
    counted: boolean,
    steps: ReadSteps | null = null,
  ): ServedVector | Promise<ServedVector> {
    const now = this.#options.clock();
    const started = steps === null ? 0 : performance.now();
    const fetched = this.#fetch(request, now, at);
    const batch = this.#readBatch(request);
    if (fetched !== undefined)
      return Promise.all([fetched, batch]).then(([tiles, answers]) => {
        this.#tiles = tiles;
        if (steps !== null) waited(steps, this.#inOrder, performance.now() - started);
        const q = this.#readStreams(request, now, at, counted, steps);
        return Number.isNaN(q)
          ? this.#readWhole(request, now, at, answers, counted, steps)
          : this.#assemble(request, now, q, answers, counted, steps);
      });
    if (batch instanceof Promise)
      return batch.then((answers) => {
        if (steps !== null) waited(steps, this.#batches, performance.now() - started);
        const q = this.#readStreams(request, now, at, counted, steps);
        return this.#assemble(request, now, q, answers, counted, steps);
      });
    if (steps !== null) waited(steps, this.#batches, performance.now() - started);
    return this.#assemble(request, now, this.#readStreams(request, now, at, counted, steps), batch, counted, steps);
  }

  /** Fetches the tiles that are elsewhere: of the present few, since events ahead of it are rare. */
  #fetch(request: readonly Value[], now: number, at: number | undefined): Promise<TileSource> | undefined {
    return this.#options.tiles.fetch?.(this.#tileLookups(request), at ?? now, at === undefined || at >= now);
  }

  /** Reads with all tiles that may be needed, where few did not do. */
  async #readWhole(
    request: readonly Value[],
    now: number,
    at: number | undefined,
    batch: BatchAnswers,
    counted: boolean,
    steps: ReadSteps | null,
  ): Promise<ServedVector> {
    const tiles = await this.#options.tiles.fetch?.(this.#tileLookups(request), at ?? now, false);
    if (tiles !== undefined) this.#tiles = tiles;
    return this.#assemble(request, now, this.#readStreams(request, now, at, counted, steps), batch, counted, steps);
  }

  #tileLookups(request: readonly Value[]): readonly TileLookup[] {
    const lookups: TileLookup[] = [];
    for (let s = 0; s < this.#streams.length; s += 1) {
      const { layout, keyOf, reader } = this.#streams[s];
      const key = keyOf(request);
      if (key !== null) lookups.push({ layout, key, reader });
    }
    return lookups;
  }

  #readBatch(request: readonly Value[]): ReturnType<BatchReads> {
    if (this.#batches.length === 0) return NO_ANSWERS;
    return this.#options.readBatch(
      this.#batches.map(({ viewId, view, keyOf }) => ({ viewId, features: view.features, key: keyOf(request) ?? '' })),
    );
  }

  /** Tiles merged by the last read. */
  get merged(): number {
    return this.#streams.reduce((sum, { reader }) => sum + reader.merged, 0);
  }

  #assemble(
    request: readonly Value[],
    now: number,
    q: number,
    batch: BatchAnswers,
    counted: boolean,
    steps: ReadSteps | null,
  ): ServedVector {
    const missing: MissingFeature[] = [];
    const streaming = this.#streamValues(q, now, missing);
    const aged = this.#batchValues(request, q, batch, missing);
    const computing = steps === null ? 0 : performance.now();
    const values = this.#evaluate(request, this.#values, this.#onError);
    if (steps !== null) {
      steps.computeMs = performance.now() - computing;
      for (let i = 0; i < this.#inOrder.length; i += 1) steps.ageMs[i] = this.#inOrder[i].ageMs;
    }
    if (this.#failed.size > 0) this.#missComputed(missing);
    return {
      service: this.service,
      at: q,
      values,
      missing,
      stale: this.#stale(),
      ages: { streaming, batch: aged },
      isAhead: this.#isAhead(q, batch),
      degraded:
        this.#tiles.degraded?.() === true || batch.some((answer) => answer !== 'late' && answer?.degraded === true),
      counts: counted ? this.#counts(q) : NO_COUNTS,
      texts: this.#tiles.told === undefined ? NO_TEXTS : this.#texts(),
    };
  }

  /** Aliases of the lookups that are older than their view's budget. */
  #stale(): readonly string[] {
    const stale: string[] = [];
    for (let i = 0; i < this.#inOrder.length; i += 1) {
      if (this.#inOrder[i].ageMs > this.#inOrder[i].view.freshnessMs) stale.push(this.#inOrder[i].alias);
    }
    return stale;
  }

  /**
   * Takes the needed features of each stream lookup whose last read was at `q`; nulls, noted as missing, of the others.
   * Gives the greatest age, ms; null where there is no stream lookup.
   */
  #streamValues(q: number, now: number, missing: MissingFeature[]): number | null {
    let oldest: number | null = null;
    for (let s = 0; s < this.#streams.length; s += 1) {
      const lookup = this.#streams[s];
      lookup.ageMs = Math.max(0, this.#tiles.lagMs(lookup.view, now));
      if (oldest === null || lookup.ageMs > oldest) oldest = lookup.ageMs;
      if (lookup.key === null || lookup.answeredAt !== q) {
        const late = this.#tiles.isLate?.(lookup.view) === true;
        this.#miss(missing, lookup.alias, lookup.key === null ? 'nullKey' : late ? 'slow' : 'past');
        this.#values[lookup.place] = lookup.nothing;
        continue;
      }
      const { answers, places, picked } = lookup;
      for (let p = 0; p < places.length; p += 1) {
        const value = answers[places[p]];
        picked[p] = value ?? null;
        if (value === undefined) this.#missOne(missing, lookup.alias, lookup.view.features[places[p]].name, 'overflow');
      }
      this.#values[lookup.place] = picked;
    }
    return oldest;
  }

  /** Takes the needed features of each batch lookup. Gives the greatest age, ms; null where there is no batch lookup. */
  #batchValues(request: readonly Value[], q: number, batch: BatchAnswers, missing: MissingFeature[]): number | null {
    let oldest: number | null = null;
    for (let b = 0; b < this.#batches.length; b += 1) {
      const lookup = this.#batches[b];
      const answer = batch[b];
      const late = answer === 'late';
      lookup.ageMs = answer === null || late ? Number.POSITIVE_INFINITY : q - answer.generation.asOf;
      oldest = Math.max(oldest ?? 0, lookup.ageMs);
      const isNull = lookup.keyOf(request) === null;
      // Nobody has scores before the first run of their model: null is their answer.
      const hasNoRun = answer === null && lookup.view.scores === undefined;
      const reason = isNull ? 'nullKey' : late ? 'slow' : hasNoRun ? 'noRun' : null;
      if (reason !== null) this.#miss(missing, lookup.alias, reason);
      const held = isNull || answer === null || late ? null : answer.values;
      const { places, picked } = lookup;
      if (held !== null) for (let p = 0; p < places.length; p += 1) picked[p] = held[places[p]];
      this.#values[lookup.place] = held === null ? lookup.nothing : picked;
    }
    return oldest;
  }

  /** Whether a generation came to be seen after the instant, or none has. Nobody has scores before the first run of their model. */
  #isAhead(q: number, batch: BatchAnswers): boolean {
    for (let b = 0; b < this.#batches.length; b += 1) {
      const answer = batch[b];
      if (answer === null) {
        if (this.#batches[b].view.scores === undefined) return true;
      } else if (answer !== 'late' && answer.generation.visibleFrom > q) return true;
    }
    return false;
  }

  #texts(): readonly (KeptText | null)[] {
    const texts: (KeptText | null)[] = [];
    for (let i = 0; i < this.#inOrder.length; i += 1) {
      const lookup = this.#inOrder[i];
      texts.push(lookup.kind === 'stream' ? lookup.text : null);
    }
    return texts;
  }

  /** Events by stream lookup and window, of the read at `q`. */
  #counts(q: number): readonly (readonly number[])[] {
    return this.#streams.map(({ answeredAt, reader }) =>
      answeredAt === q ? [...reader.counts] : reader.windows.map(() => 0),
    );
  }

  /**
   * Reads every stream lookup at one instant: the asked one, or if the caller left it open the first that all can answer. NaN where
   * the tiles that were fetched do not do.
   */
  #readStreams(
    request: readonly Value[],
    now: number,
    at: number | undefined,
    counted: boolean,
    steps: ReadSteps | null,
  ): number {
    const started = steps === null ? 0 : performance.now();
    let q = at ?? now;
    for (let g = 0; g < this.#groups.length; g += 1) {
      const group = this.#groups[g];
      const ready = readGroup(group, this.#tiles, group.keyOf(request), q, counted, steps);
      if (Number.isNaN(ready)) return ready;
      if (ready === q || at !== undefined) continue;
      q = ready;
      // Once more from the first, at the later instant.
      g = -1;
    }
    if (steps !== null) steps.streamMs = performance.now() - started;
    return q;
  }

  readonly #onError = (view: OnDemandViewData, error: unknown): void => {
    if (isSlow(error)) {
      this.#failed.set(view, 'slow');
      return;
    }
    if (isHeadraceError(error, 'REQUEST_LATENCY')) {
      this.#failed.clear();
      throw error;
    }
    this.#failed.set(view, 'compute');
    this.#options.onComputeError(view, error);
  };

  #missComputed(missing: MissingFeature[]): void {
    for (const spec of this.service.computed) {
      const reason = spec.kind === 'apply' ? this.#failed.get(spec.view) : undefined;
      if (reason !== undefined) this.#miss(missing, spec.alias, reason);
    }
    this.#failed.clear();
  }

  #miss(missing: MissingFeature[], alias: string, reason: MissingReason): void {
    this.service.features.forEach(({ from }, feature) => {
      if (from === alias) missing.push({ feature, reason });
    });
  }

  #missOne(missing: MissingFeature[], alias: string, name: string, reason: MissingReason): void {
    const feature = this.service.features.findIndex((one) => one.from === alias && one.feature === name);
    if (feature >= 0) missing.push({ feature, reason });
  }
}

type BatchAnswers = Awaited<ReturnType<BatchReads>>;

const NO_ANSWERS: BatchAnswers = [];
const NO_COUNTS: readonly (readonly number[])[] = [];
const NO_TEXTS: readonly null[] = [];

/** Notes the time of a read that lookups share. */
function waited({ lookupMs }: ReadSteps, lookups: readonly Lookup[], ms: number): void {
  for (const { place } of lookups) lookupMs[place] = ms;
}
