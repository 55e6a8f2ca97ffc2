import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type {
  BatchViewData,
  FeatureServiceData,
  LookupSpec,
  OnDemandViewData,
  StreamViewData,
} from '../../features/define/declaration.ts';
import { neededFeatures } from '../../features/plan/needed-features.ts';
import { type ServiceEvaluator, serviceEvaluator } from '../../features/service/evaluate.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { WindowReader } from '../../features/window/window-reader.ts';
import type { BatchAnswer, OnlineStore } from '../../ports/online-store.ts';
import type { Value } from '../../schema/column.ts';
import { entityKeyEncoder } from '../../schema/entity-key.ts';
import type { TileLookup } from './fetch-tiles.ts';
import type { MissingFeature, MissingReason, ServedVector } from './served-vector.ts';

/** Where a reader finds tiles: the writer's cache, or the store from another process. */
export interface TileSource {
  /** The key's tiles by hop; not changed until the caller has read them. */
  runsOf(layout: TileLayout, key: string, at: number): readonly TileRun[];
  /** The earliest instant that a view's tiles answer: before it, tiles that a window needs may be dropped. */
  answersFrom(view: StreamViewData): number;
  /** How far the tiles of a view lag behind the log, ms. */
  lagMs(view: StreamViewData, now: number): number;
  /** Whether the store may have lost acknowledged writes and is being caught up; never where it is left out. */
  degraded?(): boolean;
  /**
   * Of a source whose tiles may be elsewhere: fetches what a read of these lookups at an instant needs, and gives where to
   * read it; undefined where all is at hand.
   */
  fetch?(lookups: readonly TileLookup[], at: number): Promise<TileSource> | undefined;
}

export interface VectorReaderOptions {
  readonly service: FeatureServiceData;
  readonly layoutOf: (view: StreamViewData) => TileLayout;
  readonly tiles: TileSource;
  readonly store: OnlineStore;
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
  readonly #lookups: readonly Lookup[];
  readonly #batch: readonly BatchLookup[];
  readonly #failed = new Set<OnDemandViewData>();
  /** Of the read in hand, by lookup; used anew by each. */
  readonly #keys: (string | null)[] = [];
  readonly #values: (readonly Value[])[] = [];
  /** Where the read in hand finds its tiles. */
  #tiles: TileSource;

  constructor(options: VectorReaderOptions) {
    this.service = options.service;
    this.#options = options;
    this.#tiles = options.tiles;
    this.#evaluate = serviceEvaluator(options.service);
    this.#lookups = options.service.lookups.map((lookup) =>
      compileLookup(options, lookup, neededFeatures(options.service, lookup)),
    );
    this.#batch = this.#lookups.filter((lookup) => lookup.kind === 'batch');
  }

  /**
   * The vector of a parsed request as of `at`. Without `at` it is read as of now, or just after the newest event of its
   * entities where a producer's clock is ahead: a served instant has always seen exactly the events before it. `counted`:
   * whether the events of every window are to be told, for the log of served vectors.
   */
  read(request: readonly Value[], at: number | undefined, counted: boolean): ServedVector | Promise<ServedVector> {
    const now = this.#options.clock();
    const fetched = this.#options.tiles.fetch?.(this.#tileLookups(request), at ?? now);
    const batch = this.#readBatch(request);
    if (fetched !== undefined)
      return Promise.all([fetched, batch]).then(([tiles, answers]) => {
        this.#tiles = tiles;
        return this.#assemble(request, now, at, answers, counted);
      });
    if (batch instanceof Promise) return batch.then((answers) => this.#assemble(request, now, at, answers, counted));
    return this.#assemble(request, now, at, batch, counted);
  }

  #tileLookups(request: readonly Value[]): readonly TileLookup[] {
    return this.#lookups.flatMap((lookup) => {
      const key = lookup.kind === 'stream' ? lookup.keyOf(request) : null;
      return lookup.kind === 'stream' && key !== null ? [{ layout: lookup.layout, key, reader: lookup.reader }] : [];
    });
  }

  /** Tiles merged by the last read. */
  get merged(): number {
    return this.#lookups.reduce((sum, lookup) => sum + (lookup.kind === 'stream' ? lookup.reader.merged : 0), 0);
  }

  #readBatch(request: readonly Value[]): MaybePromise<readonly (BatchAnswer | null)[]> {
    if (this.#batch.length === 0) return [];
    return this.#options.store.readBatch(
      this.#batch.map(({ viewId, features, keyOf }) => ({ viewId, features, key: keyOf(request) ?? '' })),
    );
  }

  #assemble(
    request: readonly Value[],
    now: number,
    at: number | undefined,
    batch: readonly (BatchAnswer | null)[],
    counted: boolean,
  ): ServedVector {
    const lookups = this.#lookups;
    const keys = this.#keys;
    for (let i = 0; i < lookups.length; i += 1) keys[i] = lookups[i].keyOf(request);
    const q = this.#readStreams(keys, at ?? now, at === undefined);
    const missing: MissingFeature[] = [];
    const stale: string[] = [];
    const ages: { streaming: number | null; batch: number | null } = { streaming: null, batch: null };
    let degraded = this.#tiles.degraded?.() ?? false;
    let nextBatch = 0;
    for (let i = 0; i < lookups.length; i += 1) {
      const lookup = lookups[i];
      const key = keys[i];
      let age: number;
      if (lookup.kind === 'stream') {
        age = Math.max(0, this.#tiles.lagMs(lookup.view, now));
        ages.streaming = Math.max(ages.streaming ?? 0, age);
        this.#values[i] = this.#streamValues(lookup, key, q, missing);
      } else {
        const answer = batch[nextBatch];
        nextBatch += 1;
        if (answer?.degraded === true) degraded = true;
        age = answer === null ? Number.POSITIVE_INFINITY : q - answer.generation.asOf;
        ages.batch = Math.max(ages.batch ?? 0, age);
        this.#values[i] =
          key === null || answer === null || answer.values === null ? lookup.nothing : lookup.pick(answer.values);
        if (key === null) this.#miss(missing, lookup.alias, 'nullKey');
      }
      if (age > lookup.view.freshnessMs) stale.push(lookup.alias);
    }
    const values = this.#evaluate(request, this.#values, this.#onError);
    if (this.#failed.size > 0) this.#missComputed(missing);
    return {
      service: this.service,
      at: q,
      values,
      missing,
      stale,
      ages,
      degraded,
      counts: counted ? this.#counts(q) : [],
    };
  }

  /** The needed features of the lookup's last read, if that was at `q`; else nulls, noted as missing. */
  #streamValues(lookup: StreamLookup, key: string | null, q: number, missing: MissingFeature[]): readonly Value[] {
    if (key === null || lookup.answeredAt !== q) {
      this.#miss(missing, lookup.alias, key === null ? 'nullKey' : 'past');
      return lookup.nothing;
    }
    const { answers, places, picked } = lookup;
    for (let p = 0; p < places.length; p += 1) {
      const value = answers[places[p]];
      picked[p] = value ?? null;
      if (value === undefined) this.#missOne(missing, lookup.alias, lookup.view.features[places[p]].name, 'overflow');
    }
    return picked;
  }

  /** Events by stream lookup and window, of the read at `q`. */
  #counts(q: number): readonly (readonly number[])[] {
    const streams = this.#lookups.filter((lookup) => lookup.kind === 'stream');
    return streams.map(({ answeredAt, reader }) =>
      answeredAt === q ? [...reader.counts] : reader.windows.map(() => 0),
    );
  }

  /** Reads every stream lookup at one instant: the asked one, or if the caller left it open the first that all can answer. */
  #readStreams(keys: readonly (string | null)[], asked: number, open: boolean): number {
    let q = asked;
    for (let again = true; again; ) {
      again = false;
      for (let i = 0; i < this.#lookups.length; i += 1) {
        const lookup = this.#lookups[i];
        const key = keys[i];
        if (lookup.kind !== 'stream') continue;
        if (key === null || q < this.#tiles.answersFrom(lookup.view)) {
          lookup.answeredAt = Number.NaN;
          continue;
        }
        lookup.answeredAt = lookup.reader.read(this.#tiles.runsOf(lookup.layout, key, q), q, lookup.answers, 0);
        if (lookup.answeredAt !== q && open) {
          q = lookup.answeredAt;
          again = true;
          break;
        }
      }
    }
    return q;
  }

  readonly #onError = (view: OnDemandViewData, error: unknown): void => {
    this.#failed.add(view);
    this.#options.onComputeError(view, error);
  };

  #missComputed(missing: MissingFeature[]): void {
    for (const spec of this.service.computed) {
      if (spec.kind === 'apply' && this.#failed.has(spec.view)) this.#miss(missing, spec.alias, 'compute');
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

type Lookup = StreamLookup | BatchLookup;

interface LookupBase {
  readonly alias: string;
  readonly keyOf: (request: readonly Value[]) => string | null;
  /** What it gives where there is no entity. */
  readonly nothing: readonly Value[];
}

interface StreamLookup extends LookupBase {
  readonly kind: 'stream';
  readonly view: StreamViewData;
  readonly layout: TileLayout;
  readonly reader: WindowReader;
  /** Answers of the last read, by feature of the view. */
  readonly answers: (Value | undefined)[];
  answeredAt: number;
  /** The needed features among those of the view. */
  readonly places: readonly number[];
  /** Their values of the last read. */
  readonly picked: Value[];
}

interface BatchLookup extends LookupBase {
  readonly kind: 'batch';
  readonly view: BatchViewData;
  readonly viewId: string;
  readonly features: BatchViewData['features'];
  readonly pick: (values: readonly Value[]) => readonly Value[];
}

function compileLookup(options: VectorReaderOptions, lookup: LookupSpec, needed: readonly string[]): Lookup {
  const { view, alias } = lookup;
  const columns = Object.keys(options.service.request);
  const positions = Object.keys(view.entity.key).map((part) => columns.indexOf(lookup.key[part]));
  const base = { alias, keyOf: entityKeyEncoder(view.entity.key, positions) };
  if (view.kind === 'batchView') {
    const names = Object.keys(view.features);
    const places = needed.map((name) => names.indexOf(name));
    return {
      ...base,
      kind: 'batch',
      view,
      viewId: `${view.name}@${view.version}`,
      features: view.features,
      nothing: needed.map(() => null),
      pick: (values) => places.map((place) => values[place]),
    };
  }
  const layout = options.layoutOf(view);
  const places = needed.map((name) => view.features.findIndex((feature) => feature.name === name));
  const answers: (Value | undefined)[] = new Array(view.features.length).fill(null);
  return {
    ...base,
    kind: 'stream',
    view,
    layout,
    reader: new WindowReader(layout, places),
    answers,
    answeredAt: Number.NaN,
    nothing: needed.map(() => null),
    places,
    picked: places.map(() => null),
  };
}
