import { fail } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { OpenSpan } from '../../base/tracer.ts';
import type { BatchViewData } from '../../features/define/declaration.ts';
import type { BatchGeneration } from '../../ports/online-store.ts';
import { Background } from '../../schedule/background.ts';
import { lastDue } from '../../schedule/cron.ts';
import { ScratchFiles } from '../scratch-files.ts';
import type { KeysLost } from './batch-history.ts';
import { readBatch } from './read-batch.ts';
import type { RunRows } from './run-rows.ts';
import {
  type BatchHealth,
  type BatchRun,
  type BatchRunOptions,
  type BatchScheduleOptions,
  openView,
  type ScheduledView,
  viewId,
} from './scheduled-view.ts';
import { type ScoredRows, scoredRows } from './scored-view.ts';
import { writeSlices } from './write-slices.ts';

/** A run that is due for longer than this is late. */
const LATE_AFTER_MS = 60_000;

/**
 * The share of its keys that a batch view may lose in one run where it declares none, from this many keys on: of few
 * keys, one is a large share.
 */
const MAY_LOSE = 0.5;
const FEW_KEYS = 20;

const NOTHING_LOST: KeysLost = { keys: 0, lost: 0 };

/**
 * Runs batch views when they are due: the SQL's rows become a generation that nobody sees until it is whole, then it is
 * switched to at once, and kept in the history with the instant from which readers saw it, so that a training row reads
 * what a request could have read.
 */
export class BatchSchedule {
  readonly #options: BatchScheduleOptions;
  readonly #views: readonly ScheduledView[];
  /** Ends with the last run of SQL that was asked for: one at a time, since each needs memory. */
  readonly #turn = turnsInOrder();
  readonly #scoring = new Background();
  readonly #closing = new AbortController();

  private constructor(options: BatchScheduleOptions, views: readonly ScheduledView[]) {
    this.#options = options;
    this.#views = views;
  }

  /** Reads the newest generation of every view and repairs what a crash left. Error: SCHEDULE_TEXT. */
  static async open(options: BatchScheduleOptions): Promise<BatchSchedule> {
    const views: ScheduledView[] = [];
    for (const view of options.views) views.push(await openView(view, options));
    return new BatchSchedule(options, views);
  }

  /** Views whose schedule has come up since they last ran or failed. */
  due(): readonly BatchViewData[] {
    return this.#due((view) => view.scores === undefined);
  }

  /** Scored views that are due and not running. */
  dueScores(): readonly BatchViewData[] {
    if (this.#options.scorer === undefined || this.#scoring.busy) return [];
    return this.#due((view) => view.scores !== undefined);
  }

  #due(of: (view: BatchViewData) => boolean): readonly BatchViewData[] {
    const now = this.#options.clock();
    return this.#views
      .filter(({ view, cron, triedAt }) => of(view) && (lastDue(cron, now) ?? Number.NEGATIVE_INFINITY) > triedAt)
      .map(({ view }) => view);
  }

  /** Runs every view of SQL that is due. One that fails hinders no other, and is not due before its schedule comes up again. */
  runDue(): Promise<readonly BatchRun[]> {
    return this.#runAll(this.due());
  }

  /** Starts the scored views that are due; a call or two later throws their errors. They run for as long as their rows take. */
  startDueScores(): void {
    this.#scoring.check();
    const due = this.dueScores();
    if (due.length === 0) return;
    this.#scoring.start(async () => {
      await this.#runAll(due, { signal: this.#closing.signal });
    });
  }

  /** Cancels the scored views that run, and ends when none does. They resume at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#scoring.settled().catch(() => undefined);
  }

  async #runAll(views: readonly BatchViewData[], options: BatchRunOptions = {}): Promise<readonly BatchRun[]> {
    const runs: BatchRun[] = [];
    const errors: unknown[] = [];
    for (const view of views) {
      try {
        runs.push(await this.run(view, options));
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return runs;
  }

  /**
   * Runs a view over the published history.
   * Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE, BATCH_DUPLICATE_KEY, BATCH_LOSS, of a scored view MODEL_*, PREDICT_*
   * and JOB_CANCELLED; the previous generation stays.
   */
  async run(view: BatchViewData, options: BatchRunOptions = {}): Promise<BatchRun> {
    const scheduled = this.#scheduledOf(view);
    return this.#inTurn(scheduled, () => this.#traced(scheduled, options));
  }

  async #traced(scheduled: ScheduledView, options: BatchRunOptions): Promise<BatchRun> {
    const { clock } = this.#options;
    const { view } = scheduled;
    try {
      const span = this.#options.tracer?.open(`batch ${view.name}`) ?? null;
      const work = () => this.#run(scheduled, options, span);
      const run = await (span === null ? work() : span.around(work));
      scheduled.succeeded += 1;
      scheduled.failure = null;
      return run;
    } catch (error) {
      scheduled.failed += 1;
      scheduled.failure = { at: clock(), reason: reasonOf(error) };
      throw error;
    }
  }

  /** How the runs of every view go. */
  health(): readonly BatchHealth[] {
    const now = this.#options.clock();
    return this.#views.map((scheduled) => {
      const { view, cron, generation, asOf, succeededAt, succeeded, failed, failure, lostShare } = scheduled;
      const due = lastDue(cron, now);
      const late = due !== null && due > succeededAt && now - due >= LATE_AFTER_MS;
      return { view, generation, asOf, overdueSince: late ? due : null, succeeded, failed, failure, lostShare };
    });
  }

  async #run(scheduled: ScheduledView, options: BatchRunOptions, span: OpenSpan | null): Promise<BatchRun> {
    const { view } = scheduled;
    scheduled.triedAt = this.#options.clock();
    const { scratch } = this.#options;
    const name = `batch-${viewId(view)}`;
    const files = new ScratchFiles(scratch === undefined ? undefined : `${scratch}${name}`, name);
    try {
      return await this.#runInto(files.next('run'), scheduled, options, span);
    } finally {
      files.remove();
    }
  }

  /** `path`: of the file that the rows are written to. */
  async #runInto(
    path: string,
    scheduled: ScheduledView,
    options: BatchRunOptions,
    span: OpenSpan | null,
  ): Promise<BatchRun> {
    const { view } = scheduled;
    const started = performance.now();
    const rows = await this.#rowsOf(scheduled, path, options);
    const { nullKeys, asOf } = rows;
    span?.set({ 'headrace.view': viewId(view), 'headrace.tier': 'batch', 'headrace.as_of': asOf });
    const read = performance.now();
    await this.#checkLoss(scheduled, rows, options.acceptLoss ?? false);
    const generation = await this.#serve(scheduled, asOf, rows);
    span?.past('sql', started, read);
    span?.past('switch', read, performance.now());
    span?.set({
      'headrace.rows': rows.rows,
      'headrace.null_keys': nullKeys,
      'headrace.generation': generation.generation,
    });
    scheduled.succeededAt = generation.visibleFrom;
    return { generation, rows: rows.rows, nullKeys };
  }

  async #rowsOf(scheduled: ScheduledView, path: string, options: BatchRunOptions): Promise<ScoredRows> {
    const { offline, scorer } = this.#options;
    const { view, cron, triedAt: now } = scheduled;
    const { scores } = view;
    if (scores === undefined) return { ...(await readBatch(view, offline, now, path)), asOf: now };
    if (scorer === undefined) throw fail('BATCH_SCORER', { view: view.name });
    const { signal = null, onProgress = () => undefined } = options;
    const since = lastDue(cron, now) ?? now;
    return scoredRows({ view: { ...view, scores }, offline, scorer, path, since, now, signal, onProgress });
  }

  /** Error BATCH_LOSS where rows lack more keys of the newest generation than the view may lose, and nobody accepts it. */
  async #checkLoss(scheduled: ScheduledView, rows: RunRows, acceptLoss: boolean): Promise<void> {
    const { view, history } = scheduled;
    const newest = await history.newest();
    const { keys, lost } = newest === null ? NOTHING_LOST : await history.keysLost(newest, rows);
    scheduled.lostShare = keys === 0 ? 0 : lost / keys;
    const { mayLose = keys < FEW_KEYS ? 1 : MAY_LOSE } = view;
    if (acceptLoss || newest === null || scheduled.lostShare <= mayLose) return;
    throw fail('BATCH_LOSS', { view: view.name, lost, keys, generation: newest.generation, mayLose });
  }

  /**
   * Serves the rows of the previous generation again, as a new generation: a training row still sees the values that a
   * request of its instant saw. A second call goes back one further. Errors: BATCH_GENERATION, VIEW_UNKNOWN.
   */
  async rollBack(view: BatchViewData): Promise<BatchRun> {
    const scheduled = this.#scheduledOf(view);
    return this.#inTurn(scheduled, () => this.#back(scheduled));
  }

  async #back(scheduled: ScheduledView): Promise<BatchRun> {
    const { view } = scheduled;
    const newest = await scheduled.history.newest();
    const before = newest === null ? null : await scheduled.history.before(newest);
    if (before === null)
      throw fail('BATCH_GENERATION', {
        view: view.name,
        asOf: newest === null ? 'now' : new Date(newest.asOf).toISOString(),
      });
    const rows = await scheduled.history.rowsOf(before);
    const generation = await this.#serve(scheduled, before.asOf, rows);
    return { generation, rows: rows.rows, nullKeys: 0 };
  }

  /** Makes rows the next generation, seen from now on. */
  async #serve(scheduled: ScheduledView, asOf: number, rows: RunRows): Promise<BatchGeneration> {
    const { online, offline, clock } = this.#options;
    const { view, history } = scheduled;
    scheduled.generation += 1;
    const unseen = { viewId: viewId(view), generation: scheduled.generation, asOf, visibleFrom: clock() };
    // Nobody sees either, and both are there before the switch.
    await history.prepare(unseen, rows);
    await writeSlices(view, unseen, rows, { online, offline });
    const generation = { ...unseen, visibleFrom: clock() };
    await online.switchBatch(generation);
    await history.keep(generation);
    scheduled.triedAt = generation.visibleFrom;
    scheduled.asOf = asOf;
    return generation;
  }

  /** One run of a view at a time, or an older generation could replace a newer one. Scored views keep no other waiting. */
  #inTurn<T>(scheduled: ScheduledView, work: () => Promise<T>): Promise<T> {
    const inTurn = scheduled.view.scores === undefined ? this.#turn : scheduled.turn;
    return inTurn(work);
  }

  #scheduledOf(view: BatchViewData): ScheduledView {
    const scheduled = this.#views.find((one) => one.view === view);
    if (scheduled === undefined)
      throw fail('VIEW_UNKNOWN', { view: view.name, known: this.#views.map((one) => one.view.name) });
    return scheduled;
  }
}
