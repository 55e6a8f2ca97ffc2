import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Clock } from '../../base/time.ts';
import type { OpenSpan, Tracer } from '../../base/tracer.ts';
import type { BatchViewData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { BatchGeneration, BatchRow, OnlineStore } from '../../ports/online-store.ts';
import { type Cron, lastDue, parseCron } from '../../schedule/cron.ts';
import { BatchHistory, type KeysLost } from './batch-history.ts';
import { readBatch } from './read-batch.ts';

export interface BatchScheduleOptions {
  readonly views: readonly BatchViewData[];
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  readonly clock: Clock;
  /** Every run is traced; null: none. */
  readonly tracer?: Tracer | null;
}

/** The result of a run. */
export interface BatchRun {
  readonly generation: BatchGeneration;
  readonly rows: number;
  /** Rows whose key has a null part: left out. */
  readonly nullKeys: number;
}

/** How the runs of a view end. The previous generation is served until a run succeeds. */
export interface BatchHealth {
  readonly view: BatchViewData;
  /** Number of the newest generation; 0: none yet. */
  readonly generation: number;
  /** The data of the newest generation reach up to here; null: none yet. */
  readonly asOf: number | null;
  /** When the run was due that has not succeeded yet, a minute ago or more; null: none. */
  readonly overdueSince: number | null;
  /** Runs since the start. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of the last run, if it failed. */
  readonly failure: { readonly at: number; readonly reason: string } | null;
  /** Share of the keys of the generation before that the last run lacked, accepted or not; null: no run since the start. */
  readonly lostShare: number | null;
}

/** A run that is due for longer than this is late. */
const LATE_AFTER_MS = 60_000;

/**
 * The share of its keys that a batch view may lose in one run where it declares none, from this many keys on: of few
 * keys, one is a large share.
 */
const MAY_LOSE = 0.5;
const FEW_KEYS = 20;

const NOTHING_LOST: KeysLost = { keys: 0, lost: 0 };

interface ScheduledView {
  readonly view: BatchViewData;
  readonly cron: Cron;
  readonly history: BatchHistory;
  /** Number of the newest generation; 0 before the first. */
  generation: number;
  /** When it last ran or was tried, or when the schedule was opened. */
  triedAt: number;
  asOf: number | null;
  /** When it last succeeded, or when the schedule was opened. */
  succeededAt: number;
  succeeded: number;
  failed: number;
  failure: BatchHealth['failure'];
  lostShare: number | null;
}

/**
 * Runs batch views when they are due: the SQL's rows become a generation that nobody sees until it is whole, then it is
 * switched to at once, and kept in the history with the instant from which readers saw it, so that a training row reads
 * what a request could have read.
 */
export class BatchSchedule {
  readonly #options: BatchScheduleOptions;
  readonly #views: readonly ScheduledView[];
  /** Ends with the last run that was asked for: one at a time, or an older generation could replace a newer one. */
  #turn: Promise<unknown> = Promise.resolve();

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
    const now = this.#options.clock();
    return this.#views
      .filter(({ cron, triedAt }) => (lastDue(cron, now) ?? Number.NEGATIVE_INFINITY) > triedAt)
      .map(({ view }) => view);
  }

  /** Runs every view that is due. One that fails hinders no other, and is not due before its schedule comes up again. */
  async runDue(): Promise<readonly BatchRun[]> {
    const runs: BatchRun[] = [];
    const errors: unknown[] = [];
    for (const view of this.due()) {
      try {
        runs.push(await this.run(view));
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return runs;
  }

  /**
   * Runs a view over the published history. `acceptLoss` switches to the result however many keys it lacks. Errors:
   * BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE, BATCH_DUPLICATE_KEY, BATCH_LOSS; the previous generation stays.
   */
  async run(view: BatchViewData, acceptLoss = false): Promise<BatchRun> {
    const scheduled = this.#scheduledOf(view);
    return this.#inTurn(() => this.#traced(scheduled, acceptLoss));
  }

  async #traced(scheduled: ScheduledView, acceptLoss: boolean): Promise<BatchRun> {
    const { clock } = this.#options;
    const { view } = scheduled;
    try {
      const span = this.#options.tracer?.open(`batch ${view.name}`) ?? null;
      const work = () => this.#run(scheduled, acceptLoss, span);
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

  async #run(scheduled: ScheduledView, acceptLoss: boolean, span: OpenSpan | null): Promise<BatchRun> {
    const { offline, clock } = this.#options;
    const { view } = scheduled;
    const asOf = clock();
    scheduled.triedAt = asOf;
    span?.set({ 'headrace.view': viewId(view), 'headrace.tier': 'batch', 'headrace.as_of': asOf });
    const started = performance.now();
    const { rows, nullKeys } = await readBatch(view, offline, asOf);
    const read = performance.now();
    await this.#checkLoss(scheduled, rows, acceptLoss);
    const generation = await this.#serve(scheduled, asOf, rows);
    span?.past('sql', started, read);
    span?.past('switch', read, performance.now());
    span?.set({
      'headrace.rows': rows.length,
      'headrace.null_keys': nullKeys,
      'headrace.generation': generation.generation,
    });
    scheduled.succeededAt = generation.visibleFrom;
    return { generation, rows: rows.length, nullKeys };
  }

  /** Error BATCH_LOSS where rows lack more keys of the newest generation than the view may lose, and nobody accepts it. */
  async #checkLoss(scheduled: ScheduledView, rows: readonly BatchRow[], acceptLoss: boolean): Promise<void> {
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
    return this.#inTurn(() => this.#back(scheduled));
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
    return { generation, rows: rows.length, nullKeys: 0 };
  }

  /** Makes rows the next generation, seen from now on. */
  async #serve(scheduled: ScheduledView, asOf: number, rows: readonly BatchRow[]): Promise<BatchGeneration> {
    const { online, clock } = this.#options;
    const { view, history } = scheduled;
    scheduled.generation += 1;
    const unseen = { viewId: viewId(view), generation: scheduled.generation, asOf, visibleFrom: clock() };
    // Nobody sees either, and both are there before the switch.
    await Promise.all([
      history.prepare(unseen, rows),
      Promise.resolve().then(() => online.writeBatch(unseen, view.features, rows)),
    ]);
    const generation = { ...unseen, visibleFrom: clock() };
    await online.switchBatch(generation);
    await history.keep(generation, rows);
    scheduled.triedAt = generation.visibleFrom;
    scheduled.asOf = asOf;
    return generation;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #scheduledOf(view: BatchViewData): ScheduledView {
    const scheduled = this.#views.find((one) => one.view === view);
    if (scheduled === undefined)
      throw fail('VIEW_UNKNOWN', { view: view.name, known: this.#views.map((one) => one.view.name) });
    return scheduled;
  }
}

async function openView(view: BatchViewData, { online, offline, clock }: BatchScheduleOptions): Promise<ScheduledView> {
  const cron = parseCron(view.schedule, view.name);
  const history = new BatchHistory(view, offline);
  const newest = await history.newest();
  const [answer] = await online.readBatch([{ viewId: viewId(view), features: view.features, key: '' }]);
  const served = answer?.generation;
  // Only a generation of which the history has heard nothing: one that was rolled back to is kept already.
  if (served !== undefined && served.generation > (newest?.generation ?? 0)) await history.publish(served);
  const seen = [newest, served].filter((generation) => generation !== null && generation !== undefined);
  const triedAt = seen.length === 0 ? clock() : Math.max(...seen.map(({ visibleFrom }) => visibleFrom));
  return {
    view,
    cron,
    history,
    generation: Math.max(0, ...seen.map(({ generation }) => generation)),
    triedAt,
    asOf: served?.asOf ?? null,
    succeededAt: triedAt,
    succeeded: 0,
    failed: 0,
    failure: null,
    lostShare: null,
  };
}

function viewId({ name, version }: BatchViewData): string {
  return `${name}@${version}`;
}
