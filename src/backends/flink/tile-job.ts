import type { EventSourceData, ProjectData, StreamViewData } from '../../features/define/declaration.ts';
import { stateMs } from '../../features/plan/job-state.ts';
import { INGEST_TS } from '../../features/plan/raw-table.ts';
import { sqlColumns } from '../../features/plan/table.ts';
import { type WholeTileTable, wholeTileTable } from '../../features/plan/whole-tiles.ts';
import { ENGINE_TYPES } from '../../features/sql/engine-types.ts';
import { ARRIVED, flink } from '../../features/sql/flink.ts';
import { wholeTileQuery } from '../../features/sql/tile-queries.ts';
import { placeOf } from './secrets.ts';

export interface TileJobOptions {
  /** `host:port` of some brokers, as Flink reaches them. */
  readonly brokers: readonly string[];
  /** Further settings of its client, by their names in Java, and the names of those that are secret. */
  readonly client?: { readonly shown: Readonly<Record<string, string>>; readonly secret: readonly string[] };
  /** The header that every record of the log has: one without it counts for nothing. */
  readonly mark: string;
  /** The consumer group under which the job says how far every checkpoint has the events. */
  readonly group: string;
  /** The Kafka topic of a source's events. */
  readonly eventTopic: (source: EventSourceData) => string;
  /** The Kafka topic that the tiles of a view at one hop are written to. */
  readonly tileTopic: (view: StreamViewData, hopMs: number) => string;
  readonly generation: number;
  /** Time between two checkpoints. */
  readonly checkpointMs: number;
}

/** A job as statements of one session, in order; the last starts it. */
export interface TileJob {
  readonly properties: Readonly<Record<string, string>>;
  readonly statements: readonly string[];
}

/** Longest time that a changed tile waits to be written with others, ms. */
const WAIT_MS = 20;

/**
 * Compiles the tiles of all stream views of a project to one job: every source is read and deduplicated once, every view at
 * every hop is a table of tiles.
 */
export function tileJob({ name, sources, views }: ProjectData, options: TileJobOptions): TileJob {
  const streams = views.filter((view): view is StreamViewData => view.kind === 'streamView');
  const read = sources.filter((source) => streams.some((view) => view.source.name === source.name));
  const tiles = streams.flatMap((view) => view.hopsMs.map((hopMs) => ({ view, hopMs })));
  const inserts = tiles.map(({ view, hopMs }) => insertSql(view, hopMs, options));
  return {
    properties: propertiesOf(name, read, streams, options),
    statements: [
      ...read.flatMap((source) => [sourceTable(source, options), sourceView(source, options)]),
      ...tiles.map(({ view, hopMs }) => tileTableSql(view, hopMs, options)),
      `EXECUTE STATEMENT SET BEGIN\n${inserts.map((insert) => `${insert};\n`).join('')}END`,
    ],
  };
}

/** The identity of a project's job: its statements without the options of an environment. */
export function tileJobTexts(project: ProjectData): readonly string[] {
  const id = ({ name, version }: EventSourceData | StreamViewData) => `${name}.${version}`;
  return tileJob(project, {
    brokers: [],
    mark: '',
    group: '',
    eventTopic: id,
    tileTopic: (view, hopMs) => `${id(view)}.${hopMs}`,
    generation: 0,
    checkpointMs: 0,
  }).statements;
}

/**
 * State is kept as long as a tile may change: while it is open, and its events may be late or repeated. With less, a tile would
 * restart with fewer events, and lose to its older version. The text of tiles of changes keeps their state forever.
 */
function propertiesOf(
  project: string,
  sources: readonly EventSourceData[],
  views: readonly StreamViewData[],
  { checkpointMs }: TileJobOptions,
): Readonly<Record<string, string>> {
  return {
    'execution.runtime-mode': 'streaming',
    'pipeline.name': `headrace ${project}`,
    'table.exec.state.ttl': `${stateMs(sources, views)} ms`,
    'table.exec.mini-batch.enabled': 'true',
    'table.exec.mini-batch.allow-latency': `${WAIT_MS} ms`,
    'table.exec.mini-batch.size': '5000',
    'table.optimizer.agg-phase-strategy': 'TWO_PHASE',
    'table.exec.sink.require-on-conflict': 'true',
    'execution.buffer-timeout.interval': '5 ms',
    // The ids of every event that may come again: more than a heap holds, and too much to write whole at each checkpoint.
    'state.backend.type': 'rocksdb',
    'execution.checkpointing.incremental': 'true',
    'execution.checkpointing.interval': `${checkpointMs} ms`,
    'execution.checkpointing.num-retained': '3',
    // A record that no restart can get past ends the job, which then says why.
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': '20',
    'restart-strategy.fixed-delay.delay': '1 s',
    'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
  };
}

/** How a table reaches Kafka. */
function clientSql({ brokers, client = { shown: {}, secret: [] } }: TileJobOptions): Readonly<Record<string, string>> {
  const hidden = client.secret.map((name) => [name, placeOf(name)] as const);
  const all = { 'bootstrap.servers': brokers.join(','), ...client.shown, ...Object.fromEntries(hidden) };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [`properties.${name}`, value]));
}

function sourceTable(source: EventSourceData, options: TileJobOptions): string {
  const columns = Object.entries({ ...sqlColumns(source.columns), [INGEST_TS]: 'BIGINT' } as const);
  const declared = columns.map(([name, type]) => `  ${flink.identifier(name)} ${ENGINE_TYPES[type]}`);
  return `CREATE TEMPORARY TABLE ${recordsName(source)} (
${declared.join(',\n')},
  ${HEADERS} MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  ${ARRIVED} AS PROCTIME()
) WITH (
${withSql({
  connector: 'kafka',
  topic: options.eventTopic(source),
  ...clientSql(options),
  'properties.group.id': options.group,
  'properties.isolation.level': 'read_committed',
  'scan.startup.mode': 'earliest-offset',
  format: 'json',
  'json.fail-on-missing-field': 'false',
  // A record that is not a row has no columns, and is skipped below; otherwise it would stop the job.
  'json.ignore-parse-errors': 'true',
})}
)`;
}

/** Of the records those that the log's writers wrote: whoever else writes to the topic changes no tile. */
function sourceView(source: EventSourceData, { mark }: TileJobOptions): string {
  const columns = Object.keys({ ...sqlColumns(source.columns), [INGEST_TS]: '' }).map(flink.identifier);
  const present = [source.id, source.time, INGEST_TS].map((name) => `${flink.identifier(name)} IS NOT NULL`);
  return `CREATE TEMPORARY VIEW ${tableName(source)} AS
SELECT ${[...columns, ARRIVED].join(', ')}
FROM ${recordsName(source)}
WHERE ${[`${HEADERS}[${flink.text(mark)}] IS NOT NULL`, ...present].join('\n  AND ')}`;
}

function tileTableSql(view: StreamViewData, hopMs: number, options: TileJobOptions): string {
  const { columns, multisets } = wholeTileTable(view, hopMs);
  const declared = [
    ...Object.entries(columns).map(([name, type]) => `  ${name} ${type === 'DECIMAL' ? 'STRING' : ENGINE_TYPES[type]}`),
    ...multisets.map((name) => `  ${name} MULTISET<STRING>`),
  ];
  return `CREATE TEMPORARY TABLE ${tileName(view, hopMs)} (
${declared.join(',\n')},
  PRIMARY KEY (${keyOf(view).join(', ')}) NOT ENFORCED
) WITH (
${withSql({
  connector: 'upsert-kafka',
  topic: options.tileTopic(view, hopMs),
  ...clientSql(options),
  'properties.max.request.size': '33554432',
  'key.format': 'json',
  'value.format': 'json',
  'sink.buffer-flush.max-rows': '1000',
  'sink.buffer-flush.interval': `${WAIT_MS}ms`,
})}
)`;
}

function insertSql(view: StreamViewData, hopMs: number, { generation }: TileJobOptions): string {
  const table = wholeTileTable(view, hopMs);
  const query = wholeTileQuery(view, hopMs, { dialect: flink, relation: tableName(view.source), generation });
  return `INSERT INTO ${tileName(view, hopMs)}\nSELECT ${writtenColumns(table).join(', ')}\nFROM (\n${query}\n) AS t`;
}

/** A number of 38 digits is written as text: as a bare number some readers lose digits of it. */
function writtenColumns({ columns, multisets }: WholeTileTable): readonly string[] {
  const scalars = Object.entries(columns).map(([name, type]) =>
    type === 'DECIMAL' ? `CAST(${name} AS STRING) AS ${name}` : name,
  );
  return [...scalars, ...multisets];
}

function keyOf(view: StreamViewData): readonly string[] {
  return [...Object.keys(sqlColumns(view.entity.key, 'k_')), 'tile_start'];
}

/** No declared column begins so. */
const HEADERS = '_headers';

function recordsName({ name, version }: EventSourceData): string {
  return flink.identifier(`records_${name}_${version}`);
}

function tableName({ name, version }: EventSourceData): string {
  return flink.identifier(`events_${name}_${version}`);
}

function tileName({ name, version }: StreamViewData, hopMs: number): string {
  return flink.identifier(`tiles_${name}_${version}_${hopMs}`);
}

function withSql(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `  '${name}' = ${flink.text(value)}`)
    .join(',\n');
}
