import { floorTo } from '../../base/time.ts';
import type { Value } from '../../schema/column.ts';
import { entityKeyEncoder } from '../../schema/entity-key.ts';
import type { EventSourceData, StreamViewData } from '../define/declaration.ts';
import { compileExpression } from '../expression/compile.ts';
import { COUNT, MAX_TS, type TileLayout } from '../tile/tile-layout.ts';
import { type TileRun, tileAt } from '../tile/tile-run.ts';
import { Admission, type Verdict } from './admission.ts';
import type { Delivery } from './delivery.ts';

/** Where the engine's tiles live: the host loads, keeps and writes them. `H` is the host's own record of a key. */
export interface TileHost<H extends KeyRuns> {
  /** The tiles of a key for an event that counts at `ts`. */
  tilesOf(layout: TileLayout, key: string, ts: number): H;
  /** Called after the tile at `start` of a hop (by index) changed. */
  changed(layout: TileLayout, tiles: H, hop: number, start: number): void;
}

export interface KeyRuns {
  /** By hop of the view. */
  readonly runs: readonly TileRun[];
}

/** Generation of the tiles that the stream writes; a backfill bumps it for the tiles it replaces. */
export const STREAM_GENERATION = 0;

/**
 * Turns the deliveries of one source into tiles of all its views: judged once, then folded into the tile of every hop.
 * A new event goes into the generation that its tile has. Hot path.
 */
export class SourceEngine<H extends KeyRuns> {
  readonly source: EventSourceData;
  readonly admission: Admission;
  readonly #folder: SourceFolder<H>;

  constructor(source: EventSourceData, layouts: readonly TileLayout[], host: TileHost<H>) {
    this.source = source;
    this.admission = new Admission(source);
    this.#folder = new SourceFolder(layouts, host);
  }

  /** Judges one delivery of a partition's log order and, if it is accepted, folds it into the tiles. */
  apply(delivery: Delivery, partition: number): Verdict {
    const verdict = this.admission.judge(delivery, partition);
    if (verdict === 'accepted') this.#folder.fold(delivery);
    return verdict;
  }
}

/** Folds accepted deliveries of one source into the tiles of all its views. Hot path. */
export class SourceFolder<H extends KeyRuns> {
  readonly #views: readonly ViewFolder<H>[];

  /** `layouts` are those of the views of the source. */
  constructor(layouts: readonly TileLayout[], host: TileHost<H>) {
    this.#views = layouts.map((layout) => new ViewFolder(layout, host));
  }

  fold(delivery: Delivery): void {
    for (const view of this.#views) view.fold(delivery);
  }
}

/** Folds the accepted events of a source into the tiles of one view. */
class ViewFolder<H extends KeyRuns> {
  readonly layout: TileLayout;
  readonly #host: TileHost<H>;
  readonly #keyOf: (row: readonly Value[]) => string | null;
  readonly #inputs: readonly ((row: readonly Value[]) => Value)[];
  /** The event's inputs, one per aggregate: filled once, used for every hop. */
  readonly #values: Value[];
  readonly #images: ImagePlaces | null;

  constructor(layout: TileLayout, host: TileHost<H>) {
    this.layout = layout;
    this.#host = host;
    this.#keyOf = viewKeyEncoder(layout.view);
    this.#inputs = layout.view.aggregates.map(({ input }) =>
      input === null ? () => null : compileExpression(input, layout.view.source.columns),
    );
    this.#values = new Array(this.#inputs.length).fill(null);
    this.#images = imagePlaces(layout.view.source);
  }

  fold(delivery: Delivery): void {
    const { row } = delivery;
    const key = this.#keyOf(row);
    if (key === null) return;
    const values = this.#values;
    for (let i = 0; i < values.length; i += 1) values[i] = this.#inputs[i](row);
    const layout = this.layout;
    const hops = layout.view.hopsMs;
    const images = this.#images;
    // A change counts at its row's own time, and no earlier instant may be answered from a tile that has seen it.
    const ts = images === null ? delivery.ts : (row[images.time] as number);
    const tiles = this.#host.tilesOf(layout, key, ts);
    const id = images === null ? delivery.id : (row[images.id] as string);
    const seen = Math.max(ts, delivery.ts);
    const taken = images !== null && row[images.before] === true;
    for (let hop = 0; hop < hops.length; hop += 1) {
      const start = floorTo(ts, hops[hop]);
      this.#addTo(tiles.runs[hop], start, seen, ts, id, taken);
      this.#host.changed(layout, tiles, hop, start);
    }
  }

  #addTo(run: TileRun, start: number, seen: number, ts: number, id: string, taken: boolean): void {
    const { numbers, objects, partials } = this.layout;
    const index = tileAt(run, this.layout, start, STREAM_GENERATION);
    const at = index * numbers;
    run.nums[at + COUNT] += 1;
    if (seen > run.nums[at + MAX_TS]) run.nums[at + MAX_TS] = seen;
    for (let p = 0; p < partials.length; p += 1) {
      const { aggregate, num, obj } = partials[p];
      if (taken) aggregate.retract?.(run, at + num, index * objects + obj, this.#values[p], ts, id);
      else aggregate.update(run, at + num, index * objects + obj, this.#values[p], ts, id);
    }
  }
}

/** The indexes of the columns of a source of changes in its rows. */
interface ImagePlaces {
  readonly id: number;
  readonly time: number;
  readonly before: number;
}

function imagePlaces({ columns, changes }: EventSourceData): ImagePlaces | null {
  if (changes === undefined) return null;
  const names = Object.keys(columns);
  return {
    id: names.indexOf(changes.id),
    time: names.indexOf(changes.time),
    before: names.indexOf(changes.before),
  };
}

/** The time at which a delivery of a source counts: of a change that of its row. */
export function countedAt(source: EventSourceData): (delivery: Delivery) => number {
  const images = imagePlaces(source);
  return images === null ? ({ ts }) => ts : ({ row }) => row[images.time] as number;
}

/** The key of a view's entity, from a row of its source; null where a part is null. */
export function viewKeyEncoder(view: StreamViewData): (row: readonly Value[]) => string | null {
  const names = Object.keys(view.source.columns);
  const positions = Object.keys(view.entity.key).map((part) => names.indexOf(view.key[part]));
  return entityKeyEncoder(view.entity.key, positions);
}
