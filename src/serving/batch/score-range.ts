import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { type ModelRows, rowsAt, rowsBetween } from '../../model/model-rows.ts';
import type { RowInputs } from '../../model/row-inputs.ts';

/** Rows [from, to). */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Why a row was not scored. */
export interface Rejection {
  readonly code: 'PREDICT_CELL' | 'MODEL_CELL' | 'MODEL_RUN' | 'MODEL_SCORE' | 'MODEL_CRASH' | 'MODEL_HANG';
  readonly reason: string;
}

/** A loaded model whose runs answer results of one kind. */
export interface RunModel<R> {
  readonly inputs: RowInputs;
  run(rows: ModelRows): Promise<R>;
}

/** Takes the results of runs, row by row. */
export interface ResultSink<R> {
  /** Takes the result of a run at a place of it as that of a row. A text: why the row is rejected. */
  take(row: number, result: R, place: number): string | null;
}

export interface ScoreRangeOptions<R> {
  readonly rows: ModelRows;
  readonly model: RunModel<R>;
  readonly sink: ResultSink<R>;
  /** Rows of a run. */
  readonly batchRows: number;
  /** Rows among which one ended a worker: they run in batches of an eighth as many. */
  readonly suspect: RowRange | null;
  /** Rows that are not to be run, by place. */
  readonly rejected: ReadonlyMap<number, Rejection>;
  /** Called before each run, with the places of its rows. */
  readonly onRun: (range: RowRange) => void;
  /** Called for each rejected row; it throws where there are too many. */
  readonly onReject: (count: number, rejection: Rejection) => void;
}

/** Scores of a range. */
export interface RangeScores {
  /** NaN where the row was rejected. */
  readonly scores: Float64Array<ArrayBuffer>;
  readonly rejected: ReadonlyMap<number, Rejection>;
}

/** As {@link runRange}, for models that answer one number a row: a row whose number is not finite is rejected. */
export async function scoreRange(options: Omit<ScoreRangeOptions<Float64Array>, 'sink'>): Promise<RangeScores> {
  const sink = scoreSink(options.rows.rows);
  const rejected = await runRange({ ...options, sink });
  return { scores: sink.scores, rejected };
}

/** Takes one number a row, and rejects a row whose number is not finite. */
export function scoreSink(rows: number): ResultSink<Float64Array> & { readonly scores: Float64Array<ArrayBuffer> } {
  const scores = new Float64Array(rows).fill(Number.NaN);
  return {
    scores,
    take(row, found, place) {
      const score = found[place];
      if (!Number.isFinite(score)) return `its score is ${score}`;
      scores[row] = score;
      return null;
    },
  };
}

/**
 * Scores a range in batches, and gives its rejected rows; the sink has the results of all others. A batch that fails is cut until the rows that fail stand alone: those are rejected, each with its
 * reason, and all others have the scores that they have without them. `ends` counts the processes that the batches around it ended.
 */
export async function runRange<R>(options: ScoreRangeOptions<R>): Promise<ReadonlyMap<number, Rejection>> {
  const {
    rows: { rows },
    batchRows,
    suspect,
    onReject,
  } = options;
  const rejected = new Map(options.rejected);
  for (const rejection of rejected.values()) onReject(1, rejection);
  const reject = (row: number, rejection: Rejection) => {
    rejected.set(row, rejection);
    onReject(1, rejection);
  };
  for (let from = 0; from < rows; ) {
    const to = Math.min(rows, endOfBatch(from, batchRows, suspect));
    await scoreBatch(options, { from, to }, reject);
    from = to;
  }
  return rejected;
}

/** Into how many runs suspect rows are cut: each death costs the start of a worker, a small run costs little. */
const PIECES = 8;

function endOfBatch(from: number, batchRows: number, suspect: RowRange | null): number {
  if (suspect === null || from >= suspect.to) return from + batchRows;
  if (from < suspect.from) return Math.min(from + batchRows, suspect.from);
  const piece = Math.max(1, Math.ceil((suspect.to - suspect.from) / PIECES));
  return Math.min(from + piece, suspect.to);
}

async function scoreBatch<R>(
  options: ScoreRangeOptions<R>,
  { from, to }: RowRange,
  reject: (row: number, rejection: Rejection) => void,
  ends = 0,
): Promise<void> {
  const { rows, model, sink, rejected, onRun } = options;
  const chosen = rowsToRun(from, to, rejected);
  const count = chosen === null ? to - from : chosen.length;
  if (count === 0) return;
  const input = chosen === null ? rowsBetween(model.inputs, rows, from, to) : rowsAt(model.inputs, rows, chosen);
  onRun({ from, to });
  let found: R;
  try {
    found = await model.run(input);
  } catch (error) {
    if (isHeadraceError(error) && NO_FAULT_OF_ROWS.has(error.code)) throw error;
    const ended = isEnded(error) ? ends + 1 : 0;
    if (to - from > 1) {
      const step = Math.ceil((to - from) / (classOf(error) === 'MODEL_RUN' ? 2 : PIECES));
      for (let at = from; at < to; at += step)
        await scoreBatch(options, { from: at, to: Math.min(to, at + step) }, reject, ended);
      return;
    }
    if (isEnded(error) && ended < MOST_ENDS) return scoreBatch(options, { from, to }, reject, ended);
    return reject(from, { code: classOf(error), reason: reasonOf(error) });
  }
  for (let i = 0; i < count; i += 1) {
    const row = chosen === null ? from + i : chosen[i];
    const reason = sink.take(row, found, i);
    if (reason !== null) reject(row, { code: 'MODEL_SCORE', reason });
  }
}

/** A row is at fault when this many runs in sequence that had it ended their process, the last one alone: others may kill a process. */
const MOST_ENDS = 4;

function isEnded(error: unknown): boolean {
  return isHeadraceError(error, 'PYTHON_ENDED');
}

/** Errors of runs that no row is at fault for: the attempt fails, and rejects nothing. */
const NO_FAULT_OF_ROWS: ReadonlySet<string> = new Set(['PYTHON_DOWN', 'PYTHON_LOAD', 'PREDICT_OUTPUTS']);

/** Errors of a row alone in the process of a model, by what the row did to it. */
const CLASSES: Readonly<Record<string, Rejection['code']>> = {
  PYTHON_ENDED: 'MODEL_CRASH',
  PYTHON_LIMIT: 'MODEL_CRASH',
  PYTHON_TIME: 'MODEL_HANG',
};

function classOf(error: unknown): Rejection['code'] {
  return (isHeadraceError(error) ? CLASSES[error.code] : undefined) ?? 'MODEL_RUN';
}

/** The rows of a batch that are to be run; null: all. */
function rowsToRun(from: number, to: number, rejected: ReadonlyMap<number, Rejection>): readonly number[] | null {
  if (rejected.size === 0) return null;
  const chosen: number[] = [];
  for (let row = from; row < to; row += 1) if (!rejected.has(row)) chosen.push(row);
  return chosen.length === to - from ? null : chosen;
}

/** Batch sizes that are tried. */
const SIZES = [64, 256, 1_024, 4_096] as const;

/** Rows of a measurement. */
const MEASURED_ROWS = 4_096;

/** A smaller size is taken where it is at most this much slower a row. */
const KNEE = 1.05;

/**
 * The smallest batch size that is about as fast a row as the fastest; rows that fail are not measured. Each size runs rows that no size
 * ran before: a processor remembers the branches of trees for rows that it has seen, which makes small batches look up to three
 * times as fast as they are.
 */
export async function bestBatchRows<R>(
  { rows, model, onRun }: Pick<ScoreRangeOptions<R>, 'rows' | 'model' | 'onRun'>,
  monotonic: () => number,
): Promise<number> {
  const each = Math.min(MEASURED_ROWS, Math.floor(rows.rows / (SIZES.length + 1)));
  const spare = SIZES.length * each;
  const measured: (readonly [size: number, msARow: number])[] = [];
  for (const [place, size] of SIZES.entries()) {
    if (size > each) break;
    const first = place * each;
    const runRows = async (from: number) => {
      onRun({ from, to: from + size });
      await model.run(rowsBetween(model.inputs, rows, from, from + size));
    };
    try {
      // The first run of a size allocates; its rows are not measured.
      await runRows(spare);
      const begun = monotonic();
      const runs = Math.floor(each / size);
      for (let i = 0; i < runs; i += 1) await runRows(first + i * size);
      measured.push([size, (monotonic() - begun) / (runs * size)]);
    } catch {
      break;
    }
  }
  const best = Math.min(...measured.map(([, ms]) => ms));
  return measured.find(([, ms]) => ms <= KNEE * best)?.[0] ?? SIZES[0];
}
