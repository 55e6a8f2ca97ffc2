import type { EventSourceData, ProjectData, StreamViewData } from '../../features/define/declaration.ts';
import { stateMs } from '../../features/plan/job-state.ts';
import { INGEST_TS, OFFSET, PARTITION } from '../../features/plan/raw-table.ts';
import { sqlColumns } from '../../features/plan/table.ts';
import { ENGINE_TYPES } from '../../features/sql/engine-types.ts';
import { spark } from '../../features/sql/spark.ts';
import { bigint } from '../../features/sql/text.ts';
import { type TileFolds, type TileTarget, tileFolds, tileIncrementsQuery } from '../../features/sql/tile-increments.ts';

export interface SparkTileJobOptions {
  /** The header that every record of the log has: one without it counts for nothing. */
  readonly mark: string;
  /** The Kafka topic of a source's events. */
  readonly eventTopic: (source: EventSourceData) => string;
  /** The Kafka topic that the tiles of a view at one hop are written to. */
  readonly tileTopic: (view: StreamViewData, hopMs: number) => string;
  readonly generation: number;
}

/** The streaming query of a source: its first deliveries, what they are to the tiles, and the tiles. */
export interface TileQuery {
  readonly name: string;
  /** The Kafka topic that is read. */
  readonly topic: string;
  /** A SELECT over the view `records` of the topic's records: the columns of the raw table but for the verdict. */
  readonly rows: string;
  /** The column of the event's id. */
  readonly id: string;
  /** How long ids are remembered, ms. */
  readonly keptMs: number;
  /** How long a tile's state is kept after its last change, ms; 0: for good. */
  readonly tilesKeptMs: number;
  /** The name of the view of first deliveries, and the SELECT over it of `tileIncrementsQuery`, whose targets are topics. */
  readonly relation: string;
  readonly increments: string;
  readonly topics: Readonly<Record<string, TileTopicFolds>>;
}

/** The input of a topic's tiles, and the prefix of their versions. */
export interface TileTopicFolds extends TileFolds {
  readonly versionBase: string;
}

/** A project's tiles as one streaming query for each source. */
export interface SparkTileJob {
  readonly queries: readonly TileQuery[];
}

/** Compiles the tiles of all stream views of a project: every source is read and deduplicated once. */
export function sparkTileJob({ sources, views }: ProjectData, options: SparkTileJobOptions): SparkTileJob {
  const streams = views.filter((view): view is StreamViewData => view.kind === 'streamView');
  const queries = sources.flatMap((source) => {
    const own = streams.filter((view) => view.source.name === source.name);
    return own.length === 0 ? [] : [tileQuery(source, own, options)];
  });
  return { queries };
}

/** The identity of a project's job: its queries without the options of an environment. */
export function sparkTileJobTexts(project: ProjectData): readonly string[] {
  const id = ({ name, version }: EventSourceData | StreamViewData) => `${name}.${version}`;
  const { queries } = sparkTileJob(project, {
    mark: '',
    eventTopic: id,
    tileTopic: (view, hopMs) => `${id(view)}.${hopMs}`,
    generation: 0,
  });
  return queries.map((query) => JSON.stringify(query));
}

const EVENTS_PER_GENERATION = 2n ** 40n;

/** The view that deliveries are read from once each id is there once. */
const FIRST = 'first_deliveries';

function tileQuery(source: EventSourceData, views: readonly StreamViewData[], options: SparkTileJobOptions): TileQuery {
  const targets = views.flatMap((view) =>
    view.hopsMs.map((hopMs): TileTarget => ({ view, hopMs, name: options.tileTopic(view, hopMs) })),
  );
  const versionBase = String(BigInt(options.generation) * EVENTS_PER_GENERATION);
  const keptMs = stateMs([source], views);
  return {
    name: `${source.name}.${source.version}`,
    topic: options.eventTopic(source),
    rows: rowsSql(source, options.mark),
    id: source.id,
    keptMs,
    // When a row changes or goes does not follow from its time.
    tilesKeptMs: source.changes === undefined ? keptMs : 0,
    relation: FIRST,
    increments: tileIncrementsQuery(source, targets, { dialect: spark, relation: FIRST }),
    topics: Object.fromEntries(targets.map((target) => [target.name, { ...tileFolds(target), versionBase }])),
  };
}

/**
 * Neither late nor from the future: judged before ids are remembered, since such a delivery leaves its id free. Of a record that is
 * not ours the times may be any numbers, and a difference beyond the type would end the job: it is null instead.
 */
function timely({ time, latenessMs, futureSkewMs }: EventSourceData): readonly string[] {
  const [at, came] = [`row.${spark.identifier(time)}`, `row.${spark.identifier(INGEST_TS)}`];
  return [
    `TRY_SUBTRACT(${at}, ${came}) <= ${bigint(futureSkewMs)}`,
    `TRY_SUBTRACT(${came}, ${at}) <= ${bigint(latenessMs)}`,
  ];
}

/** Of the records those that the log's writers wrote, as rows: whoever else writes to the topic changes no tile. */
function rowsSql(source: EventSourceData, mark: string): string {
  const columns = Object.entries({ ...sqlColumns(source.columns), [INGEST_TS]: 'BIGINT' } as const);
  const fields = columns.map(([name, type]) => `${spark.identifier(name)} ${ENGINE_TYPES[type]}`).join(', ');
  const present = [source.id, source.time, INGEST_TS].map((name) => `row.${spark.identifier(name)} IS NOT NULL`);
  return `SELECT row.*, CAST(partition AS BIGINT) AS ${PARTITION}, offset AS ${OFFSET}
FROM (
  SELECT FROM_JSON(CAST(value AS STRING), ${spark.text(fields)}) AS row, partition, offset, headers
  FROM records
) AS r
WHERE ${[`EXISTS(headers, header -> header.key = ${spark.text(mark)})`, ...present, ...timely(source)].join('\n  AND ')}`;
}
