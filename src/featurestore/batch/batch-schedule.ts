import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { BatchViewData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { BatchGeneration, BatchRow, OnlineStore } from '../../ports/online-store.ts';
import type { Value } from '../../schema/column.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { batchSql } from './batch-sql.ts';
import { type Cron, lastDue, parseCron } from './cron.ts';

export interface BatchScheduleOptions {
  readonly views: readonly BatchViewData[];
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  readonly clock: Clock;
}

/** What a run did. */
export interface BatchRun {
  readonly generation: BatchGeneration;
  readonly rows: number;
  /** Rows whose key has a null part: left out. */
  readonly nullKeys: number;
}

interface ScheduledView {
  readonly view: BatchViewData;
  readonly cron: Cron;
  /** Number of the newest generation; 0 before the first. */
  generation: number;
  /** When it last ran, or when the schedule was opened. */
  ranAt: number;
}

/**
 * Runs batch views when they are due: the SQL's rows become a generation that nobody sees until it is whole, then it is
 * switched to at once, and kept in the history with the instant from which readers saw it, so that a training row reads
 * what a request could have read.
 */
export class BatchSchedule {
  readonly #options: BatchScheduleOptions;
  readonly #views: readonly ScheduledView[];

  private constructor(options: BatchScheduleOptions, views: readonly ScheduledView[]) {
    this.#options = options;
    this.#views = views;
  }

  /** Reads the newest generation of every view. Error: SCHEDULE_TEXT. */
  static async open(options: BatchScheduleOptions): Promise<BatchSchedule> {
    const views: ScheduledView[] = [];
    for (const view of options.views) {
      const newest = await newestGeneration(view, options.offline);
      const [answer] = await options.online.readBatch([{ viewId: viewId(view), features: view.features, key: '' }]);
      views.push({
        view,
        cron: parseCron(view.schedule, view.name),
        // A crash between the switch and the history leaves a generation that only the online store knows: go beyond it.
        generation: Math.max(newest?.generation ?? 0, answer?.generation.generation ?? 0),
        ranAt: newest?.visibleFrom ?? options.clock(),
      });
    }
    return new BatchSchedule(options, views);
  }

  /** Views whose schedule has come up since they last ran. */
  due(): readonly BatchViewData[] {
    const now = this.#options.clock();
    return this.#views
      .filter(({ cron, ranAt }) => (lastDue(cron, now) ?? Number.NEGATIVE_INFINITY) > ranAt)
      .map(({ view }) => view);
  }

  /** Runs every view that is due. */
  async runDue(): Promise<readonly BatchRun[]> {
    const runs: BatchRun[] = [];
    for (const view of this.due()) runs.push(await this.run(view));
    return runs;
  }

  /** Runs a view over the published history. Errors: BATCH_SQL, BATCH_DUPLICATE_KEY. */
  async run(view: BatchViewData): Promise<BatchRun> {
    const { online, offline, clock } = this.#options;
    const scheduled = this.#views.find((one) => one.view === view);
    if (scheduled === undefined)
      throw fail('VIEW_UNKNOWN', { view: view.name, known: this.#views.map((one) => one.view.name) });
    const asOf = clock();
    const { rows, nullKeys } = await readRun(view, offline, asOf);
    scheduled.generation += 1;
    const unseen = { viewId: viewId(view), generation: scheduled.generation, asOf, visibleFrom: asOf };
    await online.writeBatch(unseen, view.features, rows);
    const generation = { ...unseen, visibleFrom: clock() };
    await online.switchBatch(generation);
    await keepHistory(view, offline, generation, rows);
    scheduled.ranAt = generation.visibleFrom;
    return { generation, rows: rows.length, nullKeys };
  }
}

function viewId({ name, version }: BatchViewData): string {
  return `${name}@${version}`;
}

async function newestGeneration(
  view: BatchViewData,
  offline: OfflineStore,
): Promise<{ generation: number; visibleFrom: number } | null> {
  const relation = offline.relation(batchTable(view));
  for await (const [row] of offline.query(`SELECT MAX(generation), MAX(visible_from) FROM ${relation}`)) {
    if (row !== undefined && row[0] !== null) return { generation: Number(row[0]), visibleFrom: Number(row[1]) };
  }
  return null;
}

async function readRun(
  view: BatchViewData,
  offline: OfflineStore,
  asOf: number,
): Promise<{ rows: readonly BatchRow[]; nullKeys: number }> {
  const { encode } = entityKeyCodec(view.entity.key);
  const decoders = [...Object.values(view.entity.key), ...Object.values(view.features)].map(valueDecoder);
  const width = Object.keys(view.entity.key).length;
  const rows = new Map<string, BatchRow>();
  let nullKeys = 0;
  try {
    for await (const batch of offline.query(batchSql(view, offline, asOf))) {
      for (const cells of batch) {
        const values = cells.map((cell, i): Value => decoders[i](cell));
        const key = encode(values.slice(0, width));
        if (key === null) nullKeys += 1;
        else if (rows.has(key)) throw fail('BATCH_DUPLICATE_KEY', { view: view.name, key });
        else rows.set(key, { key, values: values.slice(width) });
      }
    }
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('BATCH_SQL', { view: view.name, reason: error instanceof Error ? error.message : String(error) }, error);
  }
  return { rows: [...rows.values()], nullKeys };
}

async function keepHistory(
  view: BatchViewData,
  offline: OfflineStore,
  generation: BatchGeneration,
  rows: readonly BatchRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const { decode } = entityKeyCodec(view.entity.key);
  const table = batchTable(view);
  const columns: OfflineValue[][] = Object.keys(table.columns).map(() => []);
  for (const { key, values } of rows) {
    const row: readonly OfflineValue[] = [
      ...decode(key),
      generation.generation,
      generation.asOf,
      generation.visibleFrom,
      ...values,
    ];
    for (let c = 0; c < row.length; c += 1) columns[c].push(row[c]);
  }
  await offline.publish({
    writer: `batch/${generation.viewId}`,
    position: {},
    mode: 'append',
    tables: [{ table, rows: rows.length, columns }],
  });
}
