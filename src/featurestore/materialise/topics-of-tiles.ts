import { sha256Hex } from '../../base/hash/sha256.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { RecordTopics } from '../../ports/back-end.ts';
import type { TileTopics } from '../../ports/tile-topics.ts';
import { tileReader } from './tile-record.ts';

/** The names of a project's job in the topics. */
export interface TileJobNames {
  /** Eight digits that are others for any other job: another declaration, or another text of its SQL. */
  readonly key: string;
  /** The reader of the event log. */
  readonly engine: string;
  readonly tileTopic: (view: StreamViewData, hopMs: number) => string;
}

/** The names of a job of an engine, from the texts that distinguish it; `prefix` begins every topic. */
export function tileJobNames(engine: string, texts: readonly string[], prefix: string): TileJobNames {
  const key = sha256Hex(texts.join('\0')).slice(0, 8);
  return {
    key,
    engine: `${engine}.${key}`,
    tileTopic: (view, hopMs) => `${prefix}tiles.${key}.${plainTileTopic(view, hopMs)}`,
  };
}

/** A topic of tiles within those of a job. */
function plainTileTopic({ name, version }: StreamViewData, hopMs: number): string {
  return `${name}.${version}.${hopMs}`;
}

/** A topic of tiles, and how long its last record of a key matters, ms. */
export interface TileTopic {
  readonly name: string;
  readonly keptMs: number;
  readonly layout: TileLayout;
  readonly hopMs: number;
}

/** How long tiles are kept after windows need them: a reader may have been away, ms. */
const SLACK_MS = 7 * 86_400_000;

/** The topics that a job writes. */
export function tileTopicsOf(layouts: readonly TileLayout[], { tileTopic }: TileJobNames): readonly TileTopic[] {
  return layouts.flatMap((layout) =>
    layout.view.hopsMs.map((hopMs) => ({
      name: tileTopic(layout.view, hopMs),
      keptMs: keptMs(layout.view, hopMs),
      layout,
      hopMs,
    })),
  );
}

/** A row that changes may lie any time ahead of when it was written: its tile is kept for good. */
function keptMs(view: StreamViewData, hopMs: number): number {
  return view.source.changes === undefined ? hopMs + tileHorizonMs(view, hopMs) + SLACK_MS : Number.POSITIVE_INFINITY;
}

/** The tiles that a job writes. Error of its reads: TILES_RECORD. */
export function tileTopicsOn(topics: readonly TileTopic[], engine: string, records: RecordTopics): TileTopics {
  const readers = new Map(topics.map(({ name, layout, hopMs }) => [name, tileReader(layout, hopMs, name)]));
  return {
    engine,
    ends: () => records.ends(),
    knownEnds: () => records.knownEnds,
    read: async (from, waitMs, partitions) => {
      const { records: found, next, hasMore } = await records.read(from, waitMs, partitions);
      const tiles = found.flatMap(({ topic, value }) => {
        const read = readers.get(topic);
        return read === undefined ? [] : [read(value)];
      });
      return { tiles, next, hasMore };
    },
    close: () => records.close(),
  };
}
