import { fail } from '../../base/errors/fail.ts';
import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { Sample } from '../../ports/part.ts';
import type { TopicReport } from '../ingest/topic-intake.ts';
import type { ReaderLag } from './reader-lag.ts';
import type { TileHealth } from './tile-intake.ts';
import type { UnreadableReport } from './unreadable-records.ts';

export interface TilesSource {
  /** Tiles of another engine; null where this process makes them. */
  readonly intake: () => TileHealth | null;
  /** Events that arrived before this instant, epoch ms, are in tiles that are made elsewhere; null where this process makes them. */
  readonly freshUntil: () => number | null;
  /** The distance of each reader of a shared topic from its end. */
  readonly lag: () => readonly ReaderLag[];
  /** Records of a shared log that no reader can decode. */
  readonly unreadable: () => readonly UnreadableReport[];
  readonly topics: () => readonly TopicReport[];
}

export interface TilesStatus {
  /** Empty without topics on Kafka. */
  readonly lag: readonly ReaderLag[];
}

/** An engine without news for this long, or with tiles this old, is reported, ms. */
const TILES_BEHIND_MS = 60_000;

/** Tiles that another engine makes, and the shared topics that they come from. */
export const tilesPart: PartKind<TilesSource, TilesStatus> = {
  name: 'tiles',
  figures: [
    {
      name: 'headrace_tiles_taken_total',
      type: 'counter',
      unit: 'tiles',
      labels: ['outcome'],
      help: 'Tiles of another engine by what became of them: applied, duplicate, stale, conflict (as many events, and others)',
      read: ({ intake }) => samplesBy({}, 'outcome', intake()?.outcomes ?? {}),
    },
    {
      name: 'headrace_tile_conflicts',
      type: 'gauge',
      unit: 'tiles',
      labels: [],
      help: 'Conflicts that remain although the engine has caught up: tiles to recompute',
      alerts: [
        {
          name: 'HeadraceTileConflicts',
          expr: 'headrace_tile_conflicts > 0',
          for: '10m',
          severity: 'ticket',
          summary:
            '{{ $value }} tiles of the engine differ from those in the store. Run `headrace backfill` for their view.',
        },
      ],
      read: ({ intake }) => {
        const tiles = intake();
        return tiles === null ? [] : [[{}, tiles.conflicts.length]];
      },
    },
    {
      name: 'headrace_tiles_age_seconds',
      type: 'gauge',
      unit: 's',
      labels: [],
      help: 'How old tiles may be that are made elsewhere: since the arrival of the first event that may be missing in them',
      alerts: [
        {
          name: 'HeadraceTilesOld',
          expr: 'headrace_tiles_age_seconds > 60',
          for: '5m',
          severity: 'page',
          summary:
            'Tiles are {{ $value | humanizeDuration }} old. Run `headrace tiles status`, or look after the processes of `headrace tiles write`.',
        },
      ],
      read: ({ freshUntil: told }, now) => {
        const freshUntil = told() ?? Number.NEGATIVE_INFINITY;
        return Number.isFinite(freshUntil) ? [[{}, Math.max(0, now - freshUntil) / 1_000]] : [];
      },
    },
    {
      name: 'headrace_records_unreadable_total',
      type: 'counter',
      unit: 'records',
      labels: ['source'],
      help: 'Records of a topic on Kafka that somebody else wrote or that are damaged: left out, and kept as refused events',
      alerts: [
        {
          name: 'HeadraceRecordsUnreadable',
          expr: 'increase(headrace_records_unreadable_total[15m]) > 0',
          for: '0m',
          severity: 'ticket',
          summary: 'Records of {{ $labels.source }} cannot be read. `headrace status` names the last one.',
        },
      ],
      read: ({ unreadable }) => unreadable().map(({ source, records }) => [{ source }, records]),
    },
    {
      name: 'headrace_reader_lag_records',
      type: 'gauge',
      unit: 'records',
      labels: ['topic', 'reader', 'partition'],
      help: 'Records between the position of a reader and the end of a topic on Kafka: applied (in served values), committed (in the store), archived (taken for the history, where many processes write the tiles), engine (in tiles that a checkpoint of the engine vouches for), tiles (in the tiles, where many processes make them), taken (a topic of other services: in the log, and committed there)',
      read: ({ lag, topics }) => [...lag().flatMap(readerSamples), ...topics().flatMap(topicSamples)],
    },
  ],
  health: ({ intake, freshUntil, unreadable }, now) => [
    ...unreadable().map(degradedRecords),
    ...degradedTiles(intake()),
    ...oldTiles(freshUntil(), intake() !== null, now),
  ],
  status: ({ lag }) => ({ lag: lag() }),
  lines: ({ lag }) => (lag.length === 0 ? [] : ['behind on Kafka', ...lagLines(lag)]),
};

function readerSamples({ topic, reader, behind }: ReaderLag): readonly Sample[] {
  return behind.map((records, partition) => [{ topic, reader, partition: String(partition) }, records]);
}

function topicSamples({ topic, lag }: TopicReport): readonly Sample[] {
  return lag.map(({ partition, behind }) => [{ topic, reader: 'taken', partition: String(partition) }, behind]);
}

function degradedTiles(intake: TileHealth | null): readonly string[] {
  const [first, ...rest] = intake?.conflicts ?? [];
  return first === undefined ? [] : [fail('TILES_CONFLICT', { tiles: rest.length + 1, view: first.view }).message];
}

/** Tiles that are made elsewhere, if they are old; `freshUntil` null: this process makes them. */
function oldTiles(freshUntil: number | null, isOfEngine: boolean, now: number): readonly string[] {
  if (freshUntil === null) return [];
  const tiles = isOfEngine ? 'the tiles of the engine' : 'the tiles';
  if (freshUntil === Number.NEGATIVE_INFINITY)
    return [
      isOfEngine ? 'the engine has not said how far its tiles are' : 'no headrace tiles write has read all of the log',
    ];
  const behindMs = now - freshUntil;
  return behindMs < TILES_BEHIND_MS ? [] : [`${tiles} are ${Math.round(behindMs / 1_000)} s behind the events`];
}

function degradedRecords({ topic, records, partition, offset }: UnreadableReport): string {
  return `${records} records of ${topic} cannot be read and are left out, the last at partition ${partition}, offset ${offset}`;
}

/** By topic, the records that each reader has still to read. */
function lagLines(lag: readonly ReaderLag[]): readonly string[] {
  return [...Map.groupBy(lag, ({ topic }) => topic)].map(([topic, readers]) => {
    const parts = readers.map(({ reader, behind }) => `${reader} ${behind.reduce((sum, records) => sum + records, 0)}`);
    return `  ${topic}: ${parts.join(', ')}`;
  });
}
