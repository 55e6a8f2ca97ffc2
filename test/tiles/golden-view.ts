import { readFileSync } from 'node:fs';
import type { AggregateSpec, StreamFeatureSpec, StreamViewData } from '../../src/features/define/declaration.ts';
import { SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { ColumnSpec, Columns } from '../../src/schema/column.ts';

/** A view over columns, every aggregate over every window, as plain data. */
export function testView(options: {
  readonly columns: Columns;
  readonly key: readonly string[];
  readonly latenessMs: number;
  readonly futureSkewMs: number;
  readonly aggregates: readonly AggregateSpec[];
  readonly windows: readonly { readonly windowMs: number | null; readonly hopMs: number }[];
  readonly hopsMs: readonly number[];
  readonly ttlMs?: number;
}): StreamViewData {
  const { columns } = options;
  return {
    kind: 'streamView',
    name: 'view',
    version: 1,
    source: {
      kind: 'eventSource',
      name: 'events',
      version: 1,
      id: 'id',
      time: 'ts',
      columns,
      latenessMs: options.latenessMs,
      futureSkewMs: options.futureSkewMs,
    },
    entity: { kind: 'entity', name: 'key', key: Object.fromEntries(options.key.map((name) => [name, columns[name]])) },
    key: Object.fromEntries(options.key.map((name) => [name, name])),
    aggregates: options.aggregates,
    features: options.windows.flatMap(({ windowMs, hopMs }) =>
      options.aggregates.map(
        ({ name }, aggregate): StreamFeatureSpec => ({
          name: `${name}_${windowMs ?? 'ever'}`,
          aggregate,
          windowMs,
          hopMs,
          type: { type: 'int', nullable: true },
        }),
      ),
    ),
    hopsMs: options.hopsMs,
    freshnessMs: 1_000,
    ttlMs: options.ttlMs ?? null,
  };
}

/** An aggregate of a column; without one, of the events. */
export function aggregate(
  name: string,
  kind: AggregateSpec['kind'],
  column: string | null,
  type: ColumnSpec | null,
  params: Record<string, number> = {},
): AggregateSpec {
  return { name, kind, input: column === null ? null : { kind: 'column', name: column }, inputType: type, params };
}

/** The in-process engine over one view, its tiles in a map. */
export function engineOf(view: StreamViewData) {
  const layout = tileLayout(view);
  const keys = new Map<string, { runs: TileRun[] }>();
  const tilesOf = (_: unknown, key: string) => {
    const held = keys.get(key) ?? { runs: view.hopsMs.map(() => emptyRun(layout)) };
    keys.set(key, held);
    return held;
  };
  const engine = new SourceEngine(view.source, [layout], { tilesOf, changed: () => undefined });
  const reader = new WindowReader(layout);
  return { layout, engine, keys, reader, runsOf: (key: string) => tilesOf(null, key).runs };
}

export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8')) as T;
}
