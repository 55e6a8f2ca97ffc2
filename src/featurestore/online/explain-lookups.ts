import type { FeatureServiceData, StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { type ExplainedWindow, explainWindows } from '../../features/window/explain-windows.ts';
import type { Value } from '../../schema/column.ts';
import { compileLookup } from './compile-lookup.ts';
import type { TileSource } from './tile-source.ts';

/** A stream lookup of a vector, and the tiles that its values are merged from. */
export interface ExplainedLookup {
  readonly alias: string;
  readonly view: StreamViewData;
  /** By part of the entity's key. */
  readonly key: Readonly<Record<string, Value>>;
  /** Null: a part of the key is null, or the tiles of the instant are dropped. */
  readonly windows: readonly ExplainedWindow[] | null;
}

export interface ExplainedFrom {
  readonly tiles: TileSource;
  readonly layoutOf: (view: StreamViewData) => TileLayout;
}

/** The tiles behind the stream lookups of a parsed request at an instant. */
export async function explainLookups(
  service: FeatureServiceData,
  request: readonly Value[],
  q: number,
  { tiles, layoutOf }: ExplainedFrom,
): Promise<readonly ExplainedLookup[]> {
  const columns = Object.keys(service.request);
  const explained: ExplainedLookup[] = [];
  for (const [place, lookup] of service.lookups.entries()) {
    const compiled = compileLookup(service, lookup, place, layoutOf);
    if (compiled.kind !== 'stream') continue;
    const { alias, layout, reader, view } = compiled;
    const key = compiled.keyOf(request);
    const parts = Object.keys(view.entity.key).map(
      (part) => [part, request[columns.indexOf(lookup.key[part])] ?? null] as const,
    );
    let windows: readonly ExplainedWindow[] | null = null;
    if (key !== null && q >= tiles.answersFrom(view)) {
      const source = (await tiles.fetch?.([{ layout, key, reader }], q, false)) ?? tiles;
      windows = explainWindows(layout, source.runsOf(layout, key, q), q);
    }
    explained.push({ alias, view, key: Object.fromEntries(parts), windows });
  }
  return explained;
}
