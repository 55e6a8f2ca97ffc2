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
import type { MissingFeature, MissingReason, ServedVector } from './served-vector.ts';

/** Where a reader finds tiles: the writer's cache, or the store from another process. */
export interface TileSource {
  /** The key's tiles by hop; not changed until the caller has read them. */
  runsOf(layout: TileLayout, key: string, at: number): readonly TileRun[];
  /** How far the tiles of a view lag behind the log, ms. */
  lagMs(view: StreamViewData, now: number): number;
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

  constructor(options: VectorReaderOptions) {
    this.service = options.service;
    this.#options = options;
    this.#evaluate = serviceEvaluator(options.service);
    this.#lookups = options.service.lookups.map((lookup) =>
      compileLookup(options, lookup, neededFeatures(options.service, lookup)),
    );
    this.#batch = this.#lookups.filter((lookup) => lookup.kind === 'batch');
  }

  /**
   * The vector of a parsed request as of `at`. Without `at` it is read as of now, or just after the newest event of its
   * entities where a producer's clock is ahead: a served instant has always seen exactly the events before it.
   */
  read(request: readonly Value[], at?: number): ServedVector | Promise<ServedVector> {
    const now = this.#options.clock();
    const batch = this.#readBatch(request);
    if (batch instanceof Promise) return batch.then((answers) => this.#assemble(request, now, at, answers));
    return this.#assemble(request, now, at, batch);
  }

  /** Tiles merged by the last read. */
  get merged(): number {
    return this.#lookups.reduce((sum, lookup) => sum + (lookup.kind === 'stream' ? lookup.reader.merged : 0), 0);
  }

  #readBatch(request: readonly Value[]): readonly (BatchAnswer | null)[] | Promise<readonly (BatchAnswer | null)[]> {
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
  ): ServedVector {
    const asked = at ?? now;
    const keys = this.#lookups.map(({ keyOf }) => keyOf(request));
    const q = this.#readStreams(keys, asked, at === undefined);
    const values: (readonly Value[])[] = [];
    const missing: MissingFeature[] = [];
    const stale: string[] = [];
    const counts: (readonly number[])[] = [];
    const ages: { streaming: number | null; batch: number | null } = { streaming: null, batch: null };
    let nextBatch = 0;
    this.#lookups.forEach((lookup, i) => {
      const key = keys[i];
      let age: number;
      if (lookup.kind === 'stream') {
        age = Math.max(0, this.#options.tiles.lagMs(lookup.view, now));
        ages.streaming = Math.max(ages.streaming ?? 0, age);
        const answered = key !== null && lookup.answeredAt === q;
        values.push(answered ? lookup.pick() : lookup.nothing);
        counts.push(answered ? [...lookup.reader.counts] : lookup.reader.windows.map(() => 0));
        if (!answered) this.#miss(missing, lookup.alias, key === null ? 'nullKey' : 'past');
        else for (const name of lookup.inexact()) this.#missOne(missing, lookup.alias, name, 'overflow');
      } else {
        const answer = batch[nextBatch];
        nextBatch += 1;
        age = answer === null ? Number.POSITIVE_INFINITY : q - answer.generation.asOf;
        ages.batch = Math.max(ages.batch ?? 0, age);
        values.push(
          key === null || answer === null || answer.values === null ? lookup.nothing : lookup.pick(answer.values),
        );
        if (key === null) this.#miss(missing, lookup.alias, 'nullKey');
      }
      if (age > lookup.view.freshnessMs) stale.push(lookup.alias);
    });
    const vector = this.#evaluate(request, values, this.#onError);
    if (this.#failed.size > 0) this.#missComputed(missing);
    return { service: this.service, at: q, values: vector, missing, stale, ages, counts };
  }

  /** Reads every stream lookup at one instant: the asked one, or if the caller left it open the first that all can answer. */
  #readStreams(keys: readonly (string | null)[], asked: number, open: boolean): number {
    let q = asked;
    for (let again = true; again; ) {
      again = false;
      for (let i = 0; i < this.#lookups.length; i += 1) {
        const lookup = this.#lookups[i];
        const key = keys[i];
        if (lookup.kind !== 'stream' || key === null) continue;
        lookup.answeredAt = lookup.reader.read(this.#options.tiles.runsOf(lookup.layout, key, q), q, lookup.answers, 0);
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
  /** The needed features of the last read. */
  readonly pick: () => readonly Value[];
  /** Needed features that could not be answered exactly. */
  readonly inexact: () => readonly string[];
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
    reader: new WindowReader(layout),
    answers,
    answeredAt: Number.NaN,
    nothing: needed.map(() => null),
    pick: () => places.map((place) => answers[place] ?? null),
    inexact: () => needed.filter((_, i) => answers[places[i]] === undefined),
  };
}
