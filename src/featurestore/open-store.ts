import { beyondLeastQueue, waitingShares } from '../environment/memory-shares.ts';
import type { BatchViewData, EventSourceData, StreamViewData } from '../features/define/declaration.ts';
import { rawTable } from '../features/plan/raw-table.ts';
import { tileTable } from '../features/plan/tile-table.ts';
import { type TileLayout, tileLayout } from '../features/tile/tile-layout.ts';
import { ServingMeasures } from '../observe/serving-measures.ts';
import type { DeliverySink } from '../ports/delivery-sink.ts';
import type { TableAppend } from '../ports/offline-store.ts';
import { HistoryFill } from './backfill/history-fill.ts';
import { BatchSchedule } from './batch/batch-schedule.ts';
import type { FeatureStoreOptions } from './feature-store-options.ts';
import { markDeclared } from './fill-marks.ts';
import { ApartTiles } from './hotkeys/apart-tiles.ts';
import { Gateway, openSourceTopics } from './ingest/gateway.ts';
import { IngestCalls } from './ingest/ingest-calls.ts';
import { Quarantine } from './ingest/quarantine.ts';
import { type RowsOf, sourceRows } from './ingest/source-rows.ts';
import { LogRetention } from './log-retention.ts';
import { Archive, TILE_BYTES, TILE_READER } from './materialise/archive.ts';
import { Materialiser } from './materialise/materialiser.ts';
import { NewestTiles } from './materialise/newest-tiles.ts';
import { remoteTiles } from './materialise/remote-tiles.ts';
import { SourceVerdicts } from './materialise/source-verdicts.ts';
import { RecentTimes } from './online/recent-times.ts';
import { ServiceReads } from './online/service-reads.ts';
import { storeTiles } from './online/store-tiles.ts';
import { type TileSource, toldTiles } from './online/tile-source.ts';
import { fedTable } from './skew/fed-log.ts';
import { SampleRoom } from './skew/sampled-rows.ts';
import { ServedPublisher } from './skew/served-publisher.ts';
import { SkewSchedule } from './skew/skew-schedule.ts';
import { WriteCycle } from './write-cycle.ts';

/** The open parts of a feature store. */
export interface OpenStore {
  readonly options: FeatureStoreOptions;
  readonly layouts: ReadonlyMap<StreamViewData, TileLayout>;
  readonly measures: ServingMeasures;
  /** From the arrival of a call's events to their being in the tiles. */
  readonly freshness: RecentTimes;
  readonly gateway: Gateway;
  readonly calls: IngestCalls;
  readonly materialiser: Materialiser;
  readonly archive: Archive;
  readonly verdicts: SourceVerdicts;
  readonly fill: HistoryFill;
  readonly batch: BatchSchedule;
  readonly skew: SkewSchedule;
  readonly served: ServedPublisher;
  readonly reads: ServiceReads;
  readonly sampled: SampleRoom;
  readonly retention: LogRetention;
  readonly cycle: WriteCycle;
  /** null: this process writes the tiles. */
  readonly apart: ApartTiles | null;
}

/** Opens the topics, catches up with the log, and brings the history up to it. Errors: those of the stores. */
export async function openStore(options: FeatureStoreOptions): Promise<OpenStore> {
  const { clock, offline, onComputeError, project } = options;
  const ground = groundOf(options);
  await evolveTables(options, ground.layouts);
  await openSourceTopics({ ...options, sources: project.sources });
  await markDeclared(ground.layouts, options.online);
  const written = await openTiles(options, ground);
  const skew = await SkewSchedule.open({ ...project, offline, clock, scratch: auditScratch(options), onComputeError });
  const gateway = await openGateway(options, ground, written.materialiser);
  await written.materialiser.remote?.start();
  const retention = logRetention(options, written);
  await retention.measureDisk();
  const open = { options, ...ground, ...written, skew, gateway, retention, ...openReads(options, ground, written) };
  const cycle = openCycle(open);
  ground.later.cycle = cycle;
  const calls = ingestCalls(open, cycle);
  // Now everything that sees judged deliveries is open.
  written.materialiser.follow();
  return { ...open, layouts: ground.byView, cycle, calls };
}

/** The most bytes that may wait for the history. */
function mostWaitingOf({ memoryBytes, mostWaitingBytes }: FeatureStoreOptions): number {
  return mostWaitingBytes ?? waitingShares(memoryBytes).historyBytes;
}

/** State that the parts share. */
interface Ground {
  readonly measures: ServingMeasures;
  readonly freshness: RecentTimes;
  readonly quarantine: Quarantine;
  readonly sampled: SampleRoom;
  readonly rowsOf: RowsOf;
  readonly byView: ReadonlyMap<StreamViewData, TileLayout>;
  readonly layouts: readonly TileLayout[];
  readonly onFault: (error: unknown) => void;
  /** The cycle, once it is open. */
  readonly later: { cycle?: WriteCycle };
}

function groundOf(options: FeatureStoreOptions): Ground {
  const { project, schemas = {}, log, onFault = () => undefined } = options;
  const views = project.views.filter((view): view is StreamViewData => view.kind === 'streamView');
  const byView = new Map(views.map((view) => [view, tileLayout(view)]));
  return {
    measures: new ServingMeasures(project),
    freshness: new RecentTimes(),
    quarantine: new Quarantine(),
    sampled: options.sampled ?? new SampleRoom(mostWaitingOf(options)),
    rowsOf: sourceRows(schemas, log.capabilities.rows),
    byView,
    layouts: [...byView.values()],
    onFault,
    later: {},
  };
}

type Written = Pick<OpenStore, 'materialiser' | 'archive' | 'verdicts' | 'fill' | 'batch' | 'apart'>;

/** Opens the writers of tiles and history in their order: each reads from the log what it does not have. */
async function openTiles(options: FeatureStoreOptions, ground: Ground): Promise<Written> {
  const { project, log, topics, online, offline, engine = null, clock, memoryBytes, sinks = [] } = options;
  const { quarantine, layouts, rowsOf, onFault, later } = ground;
  const apart = options.apart === true && online.remote !== undefined ? new ApartTiles(online.remote, clock) : null;
  const shared = apart !== null && topics === undefined;
  const newest = apart === null || shared ? undefined : new NewestTiles();
  const both = { log, topics, shared, sources: project.sources, rowsOf, layouts };
  const mostBytes = mostWaitingOf(options);
  let batch: BatchSchedule | null = null;
  const archiveSink: DeliverySink = { name: 'history', takesAgain: false, take: (judged) => archive.take(judged) };
  const judgedTo = (source: EventSourceData) => materialiser.judge.stateOf(source).next;
  const streamed = new Set((project.streams ?? []).map(({ from }) => from));
  const verdicts = new SourceVerdicts({ log, rowsOf, sources: [...streamed], judgedTo });
  const materialiser: Materialiser = new Materialiser({
    ...both,
    store: online,
    apart: newest && { from: await offline.position(TILE_READER), newest, mostTiles: mostBytes / TILE_BYTES },
    memoryBytes,
    alsoInMemory: () => ({ history: beyondLeastQueue(later.cycle?.queue().bytes ?? 0), ...options.alsoInMemory?.() }),
    clock,
    onFault,
    changed: (layout, key, changes) => archive.touch(layout, key, changes),
    room: () => later.cycle?.room() ?? null,
    archivedUpTo: () => archive.publishedClock,
    rewound: () => fill.afterLoss(batch),
    unreadable: (source, payload, error) => {
      quarantine.add(source, new TextDecoder().decode(payload), error, clock());
      onFault(error);
    },
    sinks: [archiveSink, verdicts, ...sinks],
  });
  const archive = new Archive({ ...both, offline, tiles: materialiser.tiles, newest, mostBytes });
  const fill = new HistoryFill({
    project,
    layouts,
    materialiser,
    archive,
    online,
    offline,
    engine,
    scratch: options.scratch,
    onFault,
  });
  await materialiser.open();
  await archive.open(materialiser.position());
  await fill.open();
  const views = project.views.filter((view): view is BatchViewData => view.kind === 'batchView');
  batch = await BatchSchedule.open({ ...options, views });
  return { materialiser, archive, verdicts, fill, batch, apart };
}

function openGateway(
  { log, partitions, clock, project }: FeatureStoreOptions,
  { rowsOf, measures, quarantine }: Ground,
  materialiser: Materialiser,
): Promise<Gateway> {
  return Gateway.open({
    log,
    partitions,
    clock,
    sources: project.sources,
    rowsOf,
    listener: (source, partition, offset, deliveries) => {
      const verdicts = materialiser.offer(source, partition, offset, deliveries);
      measures.arrived(source, deliveries);
      return verdicts;
    },
    refused: (source, event, error, at, place) => quarantine.add(source, event, error, at, place),
  });
}

function logRetention(options: FeatureStoreOptions, { archive, materialiser }: Written): LogRetention {
  return new LogRetention({
    ...options,
    disk: options.disk,
    sources: options.project.sources,
    otherTopics: options.otherTopics ?? [],
    otherReaders: options.otherReaders ?? [],
    keepFrom: [(source) => archive.keepFrom(source), (source) => materialiser.keepFrom(source)],
  });
}

function openReads(
  options: FeatureStoreOptions,
  { byView, measures, sampled }: Ground,
  { apart, materialiser }: Written,
): Pick<OpenStore, 'reads' | 'served'> {
  const tiles = apart === null ? writerTiles(materialiser) : storeTiles(apart.hot);
  const reads = new ServiceReads({
    ...options,
    layouts: byView,
    sampled,
    tiles,
    measures,
    tracer: options.tracer ?? null,
  });
  return { reads, served: new ServedPublisher(options.offline) };
}

function openCycle(open: Ground & Omit<OpenStore, 'layouts' | 'cycle' | 'calls'>): WriteCycle {
  const { options, reads, quarantine, apart, retention } = open;
  return new WriteCycle({
    ...options,
    ...open,
    retention: options.retention,
    log: retention,
    mostBytes: mostWaitingOf(options),
    drainServed: () => drainServed(options, reads, quarantine),
    hear: apart === null ? null : () => apart.hear(),
  });
}

function ingestCalls(open: Omit<OpenStore, 'layouts' | 'cycle' | 'calls'>, cycle: WriteCycle): IngestCalls {
  return new IngestCalls({
    ...open,
    disk: open.options.disk,
    tracer: open.options.tracer ?? null,
    areTilesOwn: !open.materialiser.areTilesElsewhere,
    room: () => cycle.room(),
    pressure: () => cycle.pressure(),
  });
}

/** Gives the tables of the history the declared columns; tables of an earlier version have sums of 64 bits. */
async function evolveTables({ project, offline }: FeatureStoreOptions, layouts: readonly TileLayout[]): Promise<void> {
  for (const source of project.sources) await offline.evolve(rawTable(source));
  for (const model of project.models) await offline.evolve(fedTable(model));
  for (const { view } of layouts) for (const hopMs of view.hopsMs) await offline.evolve(tileTable(view, hopMs));
}

/** Everything logged while serving since the last call; nothing while the disk budget is exceeded. */
function drainServed(
  { drainFed, disk }: FeatureStoreOptions,
  reads: ServiceReads,
  quarantine: Quarantine,
): readonly TableAppend[] {
  const logged = [...reads.drain(), ...(drainFed?.() ?? []), quarantine.drain()].filter(({ rows }) => rows > 0);
  const rows = logged.reduce((sum, table) => sum + table.rows, 0);
  return disk?.mayLog(rows) === false ? [] : logged;
}

/** Tiles as their writer has them: in memory, or fetched into it from a store over a network. */
function writerTiles(materialiser: Materialiser): TileSource {
  const { tiles, remote } = materialiser;
  const held: TileSource = {
    runsOf: (layout, key) => tiles.tilesOf(layout, key).runs,
    told: toldTiles(tiles),
    // Events that this process appended are in the tiles when `ingest` returns; those of others, when the log was last read.
    lagMs: (_, now) => materialiser.lagMs(now),
    answersFrom: ({ source }) => materialiser.judge.clockOf(source) - source.latenessMs - source.futureSkewMs,
  };
  return remote === null ? held : remoteTiles(tiles, remote, held);
}

function auditScratch({ scratch }: FeatureStoreOptions): string | null {
  return scratch === undefined ? null : `${scratch}audit`;
}
