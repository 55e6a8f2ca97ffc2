import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { GrowingColumn } from '../../featurestore/materialise/growing-column.ts';
import { publishStorable } from '../../featurestore/publish-storable.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import type { OfflineChange, OfflineStore, TableAppend } from '../../ports/offline-store.ts';
import type { LoggedPrediction, TakePredictions } from './prediction.ts';
import { decodePrediction, predictionTopic } from './prediction-record.ts';
import { predictionRow, predictionTable, predictionWriter } from './prediction-table.ts';

/** Records read from the log at once. */
const READ_BATCH = 2_000;

/** Rows from which on they are published while the log is read on. */
const PUBLISH_ROWS = 50_000;

/** Bytes of a row in memory besides its id, about. */
const ROW_BYTES = 200;

export interface PredictionHistoryOptions {
  readonly model: ModelData;
  readonly log: EventLog;
  readonly offline: OfflineStore;
  /** Called once with every prediction that comes after the place of the history, in log order. */
  readonly seen: TakePredictions;
  /** Called once with each record of a shared log that cannot be read. */
  readonly unreadable: (error: unknown) => void;
  /** The most bytes of rows that wait; beyond them predictions wait in the log. Left out: no bound. */
  readonly mostBytes?: number;
}

/**
 * Fills the history table of a model's predictions from their topic. The place in the log is published with the rows,
 * so that each prediction is there once, over a crash too. Appends of this process are handed over; appends
 * of an earlier process, or of others, are read from the log.
 */
export class PredictionHistory {
  /** Records that cannot be read, since the start. */
  unreadable = 0;
  /** Rows that were left to the log because memory had no room, since the start. */
  leftToLog = 0;
  readonly mostBytes: number;
  /** Of the rows that wait, estimated. */
  #bytes = 0;
  readonly #options: PredictionHistoryOptions;
  readonly #topic: string;
  /** Next offset to take, and the next that the history has no row of, by partition. */
  readonly #next: number[];
  #published: readonly number[];
  #rows = 0;
  #columns: GrowingColumn[];
  readonly #unpublished: { readonly change: OfflineChange; readonly bytes: number }[] = [];
  /** Whether the first of them was tried before. */
  #mayBeIn = false;
  #publishing: Promise<void> = Promise.resolve();
  #pulling: Promise<void> = Promise.resolve();
  /** Whether the log has what was not handed over. */
  #isBehind: boolean;

  private constructor(options: PredictionHistoryOptions, next: readonly number[]) {
    this.#options = options;
    this.#topic = predictionTopic(options.model);
    this.#next = [...next];
    this.#published = next;
    this.#columns = emptyColumns(options.model);
    this.#isBehind = true;
    this.mostBytes = options.mostBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Finds its place; the topic is open. Errors: those of the stores. */
  static async open(options: PredictionHistoryOptions): Promise<PredictionHistory> {
    const { model, log, offline } = options;
    const topic = predictionTopic(model);
    await offline.evolve(predictionTable(model));
    const position = (await offline.position(predictionWriter(model)))?.[topic];
    const ends = await log.ends(topic);
    // After a loss of power the log may end before the place: later records then have offsets that the history knows.
    const next = ends.map(({ begin, end }, partition) => Math.min(position?.[partition] ?? begin, end));
    return new PredictionHistory(options, next);
  }

  /** Rows that wait to be published. */
  get waiting(): number {
    return this.#unpublished.reduce((rows, { change }) => rows + change.tables[0].rows, this.#rows);
  }

  /** Bytes of the rows that wait, estimated. */
  get waitingBytes(): number {
    return this.#bytes + this.#unpublished.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Room for rows: null, or the publish that a caller waits for before it logs more. Never throws: rows for which there is no room are
   * left to the log.
   */
  room(): Promise<void> | null {
    if (this.#isBehind || this.waitingBytes < this.mostBytes) return null;
    return this.publish().catch(() => undefined);
  }

  /** The first offset, by partition, of which the history has no row. */
  get published(): readonly number[] {
    return this.#published;
  }

  /** Takes the appends of this process. */
  take(partition: number, offset: number, predictions: readonly (LoggedPrediction | null)[]): void {
    // Others may have appended before: all is read in the order of the log.
    if (this.#options.log.capabilities.manyWriters || offset > this.#next[partition]) this.#isBehind = true;
    else if (this.waitingBytes >= this.mostBytes) {
      this.#isBehind = true;
      this.leftToLog += predictions.length;
    } else this.#take(partition, offset, predictions);
  }

  /** Reads what the log has and was not handed over. Errors: those of the log, PREDICTION_RECORD. */
  pull(): Promise<void> {
    const turn = this.#pulling.then(() => this.#pull());
    this.#pulling = turn.catch(() => undefined);
    return turn;
  }

  /** Publishes waiting rows, after a publish that is under way. Errors: those of the offline store; nothing is lost then. */
  publish(): Promise<void> {
    return this.exclusively(async () => undefined);
  }

  /** Publishes waiting rows, then works while nothing is published. */
  exclusively(work: () => Promise<void>): Promise<void> {
    const turn = this.#publishing.then(async () => {
      await this.#publishAll();
      await work();
    });
    this.#publishing = turn.catch(() => undefined);
    return turn;
  }

  async #pull(): Promise<void> {
    if (!this.#isBehind && !this.#options.log.capabilities.manyWriters) return;
    this.#isBehind = false;
    try {
      for (let partition = 0; partition < this.#next.length; partition += 1) await this.#pullPartition(partition);
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
  }

  async #pullPartition(partition: number): Promise<void> {
    for (;;) {
      if (this.waitingBytes >= this.mostBytes) await this.publish();
      const { offset, records } = await this.#options.log.read(
        this.#topic,
        partition,
        this.#next[partition],
        READ_BATCH,
      );
      if (records.length === 0) return;
      this.#take(
        partition,
        offset,
        records.map((record, i) => this.#read(record, partition, offset + i)),
      );
      if (this.waiting >= PUBLISH_ROWS || this.waitingBytes >= this.mostBytes / 2) await this.publish();
    }
  }

  /** Of a log that others write too, a record that cannot be read is passed over and counted. */
  #read(record: LogRecord, partition: number, offset: number): LoggedPrediction | null {
    try {
      return decodePrediction(record);
    } catch (error) {
      const { log, unreadable } = this.#options;
      if (!log.capabilities.manyWriters || !isHeadraceError(error)) throw error;
      this.unreadable += 1;
      unreadable(fail('LOG_FOREIGN', { topic: this.#topic, partition, offset, reason: error.message }, error));
      return null;
    }
  }

  #take(partition: number, offset: number, predictions: readonly (LoggedPrediction | null)[]): void {
    const known = Math.max(0, this.#next[partition] - offset);
    if (known >= predictions.length) return;
    for (let i = known; i < predictions.length; i += 1) this.#addRow(partition, offset + i, predictions[i]);
    this.#next[partition] = offset + predictions.length;
    this.#options.seen(partition, offset + known, known === 0 ? predictions : predictions.slice(known));
  }

  #addRow(partition: number, offset: number, prediction: LoggedPrediction | null): void {
    if (prediction === null) return;
    const row = predictionRow(prediction, partition, offset);
    for (let i = 0; i < row.length; i += 1) this.#columns[i].push(row[i]);
    this.#rows += 1;
    this.#bytes += ROW_BYTES + prediction.id.length;
  }

  async #isIn({ writer, position }: OfflineChange): Promise<boolean> {
    const offsets = (await this.#options.offline.position(writer))?.[this.#topic];
    return offsets !== undefined && String(offsets) === String(position[this.#topic]);
  }

  /** One that fails stays the first: were a later one published before it, its rows would be missing for ever. */
  async #publishAll(): Promise<void> {
    const { model, offline } = this.#options;
    const rows = this.#rows;
    if (rows > 0) {
      const columns = this.#columns.map((column) => column.values(rows));
      const table: TableAppend = { table: predictionTable(model), rows, columns };
      const position = { [this.#topic]: [...this.#next] };
      const change: OfflineChange = { writer: predictionWriter(model), position, mode: 'append', tables: [table] };
      this.#unpublished.push({ change, bytes: this.#bytes });
      this.#columns = emptyColumns(model);
      this.#rows = 0;
      this.#bytes = 0;
    }
    for (let first = this.#unpublished[0]; first !== undefined; first = this.#unpublished[0]) {
      const { change } = first;
      // A publish may fail after its manifest was written.
      if (!this.#mayBeIn || !(await this.#isIn(change))) {
        this.#mayBeIn = true;
        await publishStorable(offline, change);
      }
      this.#mayBeIn = false;
      this.#unpublished.shift();
      this.#published = change.position[this.#topic];
    }
  }
}

function emptyColumns(model: ModelData): GrowingColumn[] {
  return Object.keys(predictionTable(model).columns).map(() => new GrowingColumn());
}
