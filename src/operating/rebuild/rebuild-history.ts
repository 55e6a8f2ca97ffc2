import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData, ProjectData, StreamViewData } from '../../features/define/declaration.ts';
import type { RowsOf } from '../../featurestore/ingest/source-rows.ts';
import { unstoredTable } from '../../featurestore/publish-storable.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import type { DamagedFile, OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { decodePrediction, predictionTopic } from '../../serving/online/prediction-record.ts';
import { predictionRow, predictionTable, predictionWriter } from '../../serving/online/prediction-table.ts';
import { loggedDeliveries } from './logged-deliveries.ts';
import { isFromTheFirst, type LoggedTable, type LogSpan, type Rows, rebuildLoggedTable } from './logged-table.ts';
import { hopTables, rebuildTiles } from './rebuild-tiles.ts';

/** Records that are read from the log at once. */
const READ_BATCH = 2_000;

/** The predictions of a model as a logged table. */
async function loggedPredictions(model: ModelData, log: EventLog, offline: OfflineStore): Promise<LoggedTable> {
  const topic = predictionTopic(model);
  const rows = (span: LogSpan) => predictionsOf(log, topic, span);
  return {
    table: predictionTable(model),
    topic,
    placeColumns: { partition: 'log_partition', offset: 'log_offset' },
    published: (await offline.position(predictionWriter(model)))?.[topic] ?? [],
    count: async (span) => {
      let count = 0;
      for await (const some of rows(span)) count += some.length;
      return count;
    },
    rows,
  };
}

async function* predictionsOf(log: EventLog, topic: string, { partition, from, to }: LogSpan): AsyncGenerator<Rows> {
  for (let at = from; at < to; ) {
    const { offset, records } = await log.read(topic, partition, at, Math.min(READ_BATCH, to - at));
    if (records.length === 0) return;
    yield records.flatMap((record, i) => rowOf(record, partition, offset + i));
    at = offset + records.length;
  }
}

/** None for a blank record, and for one of another program. */
function rowOf(record: LogRecord, partition: number, offset: number): readonly OfflineValue[][] {
  if (record.foreign !== undefined) return [];
  const prediction = decodePrediction(record);
  return prediction === null ? [] : [predictionRow(prediction, partition, offset)];
}

export interface RebuildOptions {
  readonly project: ProjectData;
  readonly offline: OfflineStore;
  /** Its topics are open. */
  readonly log: EventLog;
  readonly rowsOf: RowsOf;
}

export interface RebuildReport {
  readonly damaged: number;
  readonly rebuilt: number;
  /** The files that could not be rebuilt, and why. */
  readonly left: readonly DamagedFile[];
}

/**
 * Compares all files of the history with their sums and rebuilds the damaged ones: deliveries and predictions from the log, tiles
 * from the deliveries. Other processes must not write. Errors: those of the stores; a table that cannot be rebuilt is in the report.
 */
export async function rebuildHistory(options: RebuildOptions): Promise<RebuildReport> {
  const { project, offline, log } = options;
  const { length: damaged } = await offline.check();
  const reasons = new Map<string, string>();
  const attempt = async (tables: readonly string[], rebuild: () => Promise<void>) => {
    const hit = new Set(offline.damaged().map(({ table }) => table));
    if (!tables.some((table) => hit.has(table))) return;
    try {
      await rebuild();
    } catch (error) {
      if (!isHeadraceError(error)) throw error;
      for (const table of tables) reasons.set(table, String(error.facts['reason'] ?? error.message));
    }
  };
  for (const source of project.sources) {
    const logged = await loggedDeliveries({ ...options, source });
    await attempt(tablesOf(logged), () => rebuildLoggedTable(offline, log, logged));
  }
  for (const model of project.models) {
    const logged = await loggedPredictions(model, log, offline);
    await attempt(tablesOf(logged), () => rebuildLoggedTable(offline, log, logged));
  }
  for (const view of project.views) {
    if (view.kind !== 'streamView') continue;
    for (const hopMs of view.hopsMs) {
      const { tiles, parts } = hopTables(view, hopMs);
      const names = [tiles, ...parts.map(({ table }) => table)].map(({ name }) => name);
      await attempt(names, () => rebuildHop(options, view, hopMs, tiles.name));
    }
  }
  const left = offline
    .damaged()
    .map((file) => ({ ...file, reason: reasons.get(file.table) ?? 'its rows are in no log of a declared topic' }));
  return { damaged, rebuilt: damaged - left.length, left };
}

function tablesOf({ table }: LoggedTable): readonly string[] {
  return [table.name, unstoredTable(table).name];
}

/** Tiles follow from the deliveries, where those reach back to the first event. Error: OFFLINE_REBUILD. */
async function rebuildHop(options: RebuildOptions, view: StreamViewData, hopMs: number, table: string): Promise<void> {
  const { offline, log } = options;
  const logged = await loggedDeliveries({ ...options, source: view.source });
  if (offline.damaged().some((file) => tablesOf(logged).includes(file.table)))
    throw fail('OFFLINE_REBUILD', { table, reason: `${logged.table.name}, which it follows from, is damaged too` });
  if (!(await isFromTheFirst(offline, log, logged)))
    throw fail('OFFLINE_REBUILD', { table, reason: `${logged.table.name} no longer has the first events` });
  await rebuildTiles(offline, view, hopMs);
}
