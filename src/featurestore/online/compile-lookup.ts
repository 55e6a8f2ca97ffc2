import type {
  BatchViewData,
  FeatureServiceData,
  LookupSpec,
  StreamViewData,
} from '../../features/define/declaration.ts';
import { neededFeatures } from '../../features/plan/needed-features.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { KeptText, ReadTiles } from '../../features/window/window-memo.ts';
import { WindowReader } from '../../features/window/window-reader.ts';
import type { Value } from '../../schema/column.ts';
import { entityKeyEncoder } from '../../schema/entity-key.ts';

/** A lookup of a service in its form for reads, with the result of its last read. */
export type Lookup = StreamLookup | BatchLookup;

interface LookupBase {
  readonly alias: string;
  readonly keyOf: (request: readonly Value[]) => string | null;
  /** The request columns that make its key. */
  readonly keyColumns: string;
  /** Its index among the lookups of the service. */
  readonly place: number;
  /** The needed features among those of the view. */
  readonly places: readonly number[];
  /** Their values of the last read. */
  readonly picked: Value[];
  /** Age of its data at the last read, ms. */
  ageMs: number;
  /** Its values where there is no entity. */
  readonly nothing: readonly Value[];
}

/** A lookup of a view kept as tiles. */
export interface StreamLookup extends LookupBase {
  readonly kind: 'stream';
  readonly view: StreamViewData;
  readonly layout: TileLayout;
  readonly reader: WindowReader;
  /** Answers of the last read, by feature of the view. */
  readonly answers: (Value | undefined)[];
  /** Values derived from the tiles of the last read, where changes of these are reported. */
  held: ReadTiles | null;
  /** Of the answers of the last read, where they were kept from one before. */
  text: KeptText | null;
  /** Key and instant of the last read. */
  key: string | null;
  answeredAt: number;
}

/** A lookup of a batch view. */
export interface BatchLookup extends LookupBase {
  readonly kind: 'batch';
  readonly view: BatchViewData;
  readonly viewId: string;
}

/** Compiles the lookup at `place` of a service. */
export function compileLookup(
  service: FeatureServiceData,
  lookup: LookupSpec,
  place: number,
  layoutOf: (view: StreamViewData) => TileLayout,
): Lookup {
  const { view, alias } = lookup;
  const columns = Object.keys(service.request);
  const needed = neededFeatures(service, lookup);
  const positions = Object.keys(view.entity.key).map((part) => columns.indexOf(lookup.key[part]));
  const names = view.kind === 'batchView' ? Object.keys(view.features) : view.features.map(({ name }) => name);
  const places = needed.map((name) => names.indexOf(name));
  const base = {
    alias,
    keyColumns: positions.join(),
    place,
    places,
    keyOf: entityKeyEncoder(view.entity.key, positions),
    picked: needed.map(() => null),
    nothing: needed.map(() => null),
    ageMs: 0,
  };
  if (view.kind === 'batchView') return { ...base, kind: 'batch', view, viewId: `${view.name}@${view.version}` };
  const layout = layoutOf(view);
  return {
    ...base,
    kind: 'stream',
    view,
    layout,
    reader: new WindowReader(layout, places),
    answers: names.map(() => null),
    held: null,
    text: null,
    key: null,
    answeredAt: Number.NaN,
  };
}
