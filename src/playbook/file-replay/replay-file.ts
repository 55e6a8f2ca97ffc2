import { fail } from '../../base/errors/fail.ts';
import type { EventOf } from '../../features/define/event-source.ts';
import { settledBefore } from '../../model/label-maturity.ts';
import type { TableFile } from '../../ports/table-file.ts';
import { type DecisionRow, decisionLog } from './decision-log.ts';
import { registerGivenScores } from './given-scores.ts';
import { type Injection, injectUnit } from './injection.ts';
import { type JudgedWindow, judgedWindows } from './judged-windows.ts';
import { declareReplay, type ReplayDeclaration, type ReplayPlan } from './replay-declaration.ts';
import { type ReplayPredictions, replayPredictions } from './replay-predictions.ts';
import { type ReplayColumns, type ReplayRows, readReplayRows } from './replay-rows.ts';
import { type ReplaySummary, replaySummary } from './replay-summary.ts';
import { greatestDelay, PARTS, replayWindow } from './replay-window.ts';
import type { OpenReplayed, ReplayedProject } from './replayed-project.ts';
import { registerSpoiled } from './spoiled-version.ts';

export interface ReplayFileOptions extends ReplayColumns {
  /** A folder for the data of the replay; it must not exist or be empty. */
  readonly directory: string;
  /** The first rows train the first version and are its reference: until an instant, or a share of the rows. */
  readonly until: number | null;
  readonly share: number;
  /** Length of a window; null: the shortest of an hour to 30 days in which half of the windows have 500 rows. */
  readonly windowMs: number | null;
  /** Null: the greatest delay of the file. */
  readonly labelWithinMs: number | null;
  readonly plan: Omit<ReplayPlan, 'windowMs' | 'labelWithinMs'>;
  readonly injections: readonly Injection[];
  /** Receives a line for each window that is over. */
  readonly onLine?: (line: string) => void;
  readonly stopped?: () => boolean;
}

/** The decisions, windows and summary of a replay. The same file and options give the same log. */
export interface FileReplay {
  readonly summary: ReplaySummary;
  readonly log: readonly DecisionRow[];
  readonly windows: readonly JudgedWindow[];
  readonly predictions: ReplayPredictions;
}

/** Windows without a row, beyond which they are skipped. */
const GAP = 30;
/** Rows of one call. */
const BATCH = 2000;

/**
 * Replays a table in the order of time: predictions, labels as they become known, monitors, playbook and rollouts, by the
 * clock of the rows. Errors: DRIFT_COLUMN, DRIFT_REPLAY, DRIFT_OPTION, those of a running project.
 */
export async function replayFile(
  table: TableFile,
  options: ReplayFileOptions,
  open: OpenReplayed,
): Promise<FileReplay> {
  const rows = await readReplayRows(table, options);
  for (const injection of options.injections) injectUnit(rows.features, rows.at, injection);
  const windowMs = replayWindow(rows, options.windowMs);
  const declared = declareReplay(rows, {
    ...options.plan,
    windowMs,
    labelWithinMs: options.labelWithinMs ?? greatestDelay(rows, windowMs),
  });
  const first = firstLive(table.path, rows, options);
  const clock = { now: rows.at[0] };
  const faults: unknown[] = [];
  const replayed = await open({
    project: declared.project,
    directory: options.directory,
    clock: () => clock.now,
    onFault: (error) => faults.push(error),
  });
  try {
    const run = new FileRun({ replayed, declared, rows, clock, windowMs, options, faults });
    await run.learn(first);
    await run.live(first);
    const windows = await judgedWindows(replayed, declared, windowMs, run.ends);
    const log = await decisionLog(replayed, declared, options.injections);
    const predictions = await replayPredictions(replayed, declared, rows);
    const summary = await replaySummary({
      replayed,
      declared,
      rows,
      windows,
      predictions,
      log,
      first,
      windowMs,
      faults,
    });
    return { summary, log, windows, predictions };
  } finally {
    await replayed.headrace.close();
  }
}

interface FileRunOptions {
  readonly replayed: ReplayedProject;
  readonly declared: ReplayDeclaration;
  readonly rows: ReplayRows;
  readonly clock: { now: number };
  readonly windowMs: number;
  readonly options: ReplayFileOptions;
  readonly faults: unknown[];
}

/** One replay under way. */
class FileRun {
  readonly #of: FileRunOptions;
  /** Rows by the instant of their label, and the next of them. */
  readonly #labels: Uint32Array;
  #nextLabel = 0;
  /** When a row was predicted: its label is no older. */
  readonly #predictedAt: Float64Array;
  /** Ends of the windows that are over. */
  readonly ends: number[] = [];

  constructor(of: FileRunOptions) {
    this.#of = of;
    const { labelledAt } = of.rows;
    this.#predictedAt = new Float64Array(of.rows.count).fill(Number.NEGATIVE_INFINITY);
    this.#labels = Uint32Array.from({ length: of.rows.count }, (_, i) => i)
      .filter((i) => !Number.isNaN(labelledAt[i]))
      .sort((a, b) => labelledAt[a] - labelledAt[b] || a - b);
  }

  /** The first rows, which nobody predicts: they train the first version. */
  async learn(first: number): Promise<void> {
    const { replayed, declared, rows, clock, options } = this.#of;
    const { headrace } = replayed;
    await this.#parts(0, first, async (from, to) => {
      await this.#request(from, to, false);
      return true;
    });
    await headrace.flush();
    const mature = settledBefore(declared.model.label, clock.now);
    // Labels that come late are waited for, where enough rows are older.
    const enough = rows.at.findIndex((at) => at > mature) >= Math.min(1000, first / 2);
    const span = { count: first, from: rows.at[0], to: clock.now, at: clock.now };
    const { version, lineage } =
      rows.score !== null || rows.label === null
        ? await registerGivenScores(replayed, declared, rows, span)
        : await headrace.train(declared.model, { to: enough ? mature : clock.now });
    await headrace.promote(declared.model, version);
    options.onLine?.(`${instant(clock.now)} version ${version} answers: ${lineage.trainingSet.rows} rows before it`);
  }

  /** Every other row, window by window. */
  async live(first: number): Promise<void> {
    const { replayed, rows, clock, windowMs, declared, options } = this.#of;
    const { headrace } = replayed;
    const spoiled = options.injections.filter((one) => one.kind === 'spoiled');
    await this.#parts(first, rows.count, async (from, to, end) => {
      for (let row = from; row < to; row += BATCH) {
        await this.#request(row, Math.min(to, row + BATCH), true);
        // A shadow drops copies that it has no time for.
        await headrace.rollout(declared.model).settled();
      }
      await this.#label(to);
      const isOver = end % windowMs === 0;
      await this.#rollOut(spoiled, !isOver && end % (windowMs / 2) === 0);
      if (!isOver) return true;
      clock.now = end;
      this.ends.push(end);
      await headrace.tick();
      await headrace.playbook(declared.model).step({ wait: true });
      options.onLine?.(`${instant(clock.now)} ${to} of ${rows.count} rows`);
      return options.stopped?.() !== true;
    });
  }

  /** Calls `work` for each part of a window, at its end, until it returns false. Parts without rows are parts too. */
  async #parts(
    first: number,
    last: number,
    work: (from: number, to: number, end: number) => Promise<boolean>,
  ): Promise<void> {
    const { rows, clock, windowMs } = this.#of;
    const partMs = windowMs / PARTS;
    let end = (Math.floor(rows.at[first] / partMs) + 1) * partMs;
    for (let row = first; row < last; end += partMs) {
      // Nothing happens in a long gap: the windows of it are left out.
      if (rows.at[row] - end > GAP * windowMs) end = (Math.floor(rows.at[row] / windowMs) - 1) * windowMs;
      let to = row;
      while (to < last && rows.at[to] < end) to += 1;
      clock.now = Math.max(clock.now, Math.round(end) - 1);
      if (!(await work(row, to, Math.round(end)))) return;
      row = to;
    }
  }

  async #request(from: number, to: number, predicts: boolean): Promise<void> {
    const { replayed, declared, rows, clock } = this.#of;
    const { headrace } = replayed;
    const requests = Array.from({ length: to - from }, (_, i) => ({
      id: idOf(from + i),
      request: declared.requestOf(from + i),
    }));
    if (predicts) {
      // A row without its score in the file is no prediction.
      const scored = rows.score === null ? requests : requests.filter(({ request }) => request.given_score !== null);
      if (scored.length > 0) await headrace.predictMany(declared.model, scored);
      this.#predictedAt.fill(clock.now, from, to);
    }
    if (rows.label === null) return;
    const events = requests.map(({ id, request }, i) => ({
      id,
      at: Math.min(rows.at[from + i], clock.now),
      ...request,
    }));
    await headrace.ingest(declared.requests, events);
    if (!predicts) await this.#label(to);
  }

  /** Labels that are known by now, of rows that were requested. */
  async #label(requested: number): Promise<void> {
    const { replayed, declared, rows, clock } = this.#of;
    const { headrace } = replayed;
    const { label, labelledAt } = rows;
    if (label === null) return;
    const known: EventOf<ReplayDeclaration['labels']>[] = [];
    for (; this.#nextLabel < this.#labels.length; this.#nextLabel += 1) {
      const row = this.#labels[this.#nextLabel];
      if (labelledAt[row] > clock.now || row >= requested) break;
      const at = Math.max(labelledAt[row], rows.at[row], this.#predictedAt[row]);
      known.push({ id: `l${idOf(row)}`, at, request: idOf(row), value: label[row] });
    }
    for (let i = 0; i < known.length; i += BATCH) await headrace.ingest(declared.labels, known.slice(i, i + BATCH));
  }

  /** Judges the rollout under way, and starts an injected one that is due. */
  async #rollOut(spoiled: { readonly at: number }[], decides: boolean): Promise<void> {
    const { replayed, declared, clock } = this.#of;
    const { headrace } = replayed;
    const control = headrace.rollout(declared.model);
    await control.settled();
    const active = await control.active();
    const [due] = spoiled;
    if (active === null && due !== undefined && due.at <= clock.now) {
      spoiled.shift();
      const version = await registerSpoiled(replayed, declared, clock.now);
      await control.start(
        version,
        { by: 'injected', reason: 'injected: a spoiled model: one score for every request' },
        `injected-${version}`,
      );
      return;
    }
    if (active === null) return;
    await headrace.tick();
    await control.look({ outcomes: 'again' });
    if (decides) await headrace.playbook(declared.model).step({ wait: true });
  }
}

/** Until an instant, or a share of the rows. Error: DRIFT_REPLAY. */
function firstLive(path: string, { at, count }: ReplayRows, { until, share }: ReplayFileOptions): number {
  const first = until === null ? Math.floor(count * share) : at.findIndex((time) => time >= until);
  if (first < 50 || first >= count)
    throw fail('DRIFT_REPLAY', {
      path,
      reason: `${Math.max(0, first)} of its ${count} rows come before the replay begins`,
    });
  return first;
}

function idOf(row: number): string {
  return `r${row}`;
}

function instant(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}
