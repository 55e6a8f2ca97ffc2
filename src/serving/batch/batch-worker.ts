import { fail } from '../../base/errors/fail.ts';
import type { ModelRows } from '../../model/model-rows.ts';
import { cellsOfRow } from '../../model/model-rows.ts';
import type { RowInputs } from '../../model/row-inputs.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { OpenScoreTable, ScoreFiles, ScoreRows } from '../../ports/score-files.ts';
import type { VersionTools } from '../../versions/load/load-for-job.ts';
import { loadOutputs } from '../../versions/load/output-scorer.ts';
import { loadScored, type ScoredVersion } from '../../versions/load/scored-version.ts';
import { mustBeUnchanged } from './file-identity.ts';
import { type ColumnSink, outputSink, scoreColumn } from './output-sink.ts';
import { listFile, listQuarantine, publishPart, scratchFile } from './part-files.ts';
import type { Part } from './part-manifest.ts';
import { bestBatchRows, type Rejection, type RowRange, runRange } from './score-range.ts';
import type { OpenMessage, ScoreMessage } from './worker-messages.ts';

/** The tools of a worker process. */
export interface BatchTools extends VersionTools {
  readonly files: ScoreFiles;
}

type JobSink = ColumnSink<unknown>;

/** The results of the runs of a partition, and its rejected rows. */
interface ScoredRows {
  readonly sink: JobSink;
  readonly rejected: ReadonlyMap<number, Rejection>;
}

/** Receives how far an attempt is. */
export interface ScoreListener {
  /** Called before each run of the model, with its rows of the input. */
  readonly onRun: (rows: RowRange) => void;
  /** Called after the last run, before the rows are written. */
  readonly onScored: () => void;
}

/**
 * A worker of a batch job, in its own process: it scores one partition after the other and publishes each. A partition that
 * another attempt published first stays as it is.
 */
export class BatchWorker {
  readonly #opened: OpenMessage;
  readonly #model: JobModel;
  readonly #table: OpenScoreTable;
  readonly #monotonic: () => number;
  /** Rows of a run; null until they were measured. */
  #batchRows: number | null = null;

  private constructor(opened: OpenMessage, model: JobModel, table: OpenScoreTable, monotonic: () => number) {
    this.#opened = opened;
    this.#model = model;
    this.#table = table;
    this.#monotonic = monotonic;
  }

  /** Loads the model and opens the input. Errors: ARTIFACT_*, MODEL_*, PYTHON_*, PREDICT_*. */
  static async open(opened: OpenMessage, tools: BatchTools, monotonic: () => number): Promise<BatchWorker> {
    const { scored, table } = opened;
    const model = await loadJobModel(scored, tools);
    return new BatchWorker(opened, model, await tools.files.open(table, model.inputs), monotonic);
  }

  get #version(): ModelVersion {
    return this.#opened.scored.version;
  }

  /** Scores and publishes a partition; gives the part that counts. Errors: PREDICT_*. */
  async score(asked: ScoreMessage, { onRun, onScored }: ScoreListener): Promise<Part> {
    const { from, to } = asked.partition;
    this.#mustBeUnchanged();
    const read = await this.#table.read(from, to);
    const sink = this.#model.newSink(to - from);
    const rejected = await this.#scoreRows(asked, sink, read, onRun);
    onScored();
    const part = await this.#write(asked, { sink, rejected }, read);
    this.#mustBeUnchanged();
    return this.#publish(asked, part);
  }

  async close(): Promise<void> {
    this.#table.close();
    await this.#model.close();
  }

  async #scoreRows(
    { partition: { from, to }, suspect, skip, mostRejected }: ScoreMessage,
    sink: JobSink,
    { rows, unreadable }: ScoreRows,
    onRun: (rows: RowRange) => void,
  ): Promise<ReadonlyMap<number, Rejection>> {
    let rejections = 0;
    const shared = {
      rows,
      model: this.#model,
      sink,
      onRun: (range: RowRange) => onRun({ from: from + range.from, to: from + range.to }),
    };
    const isClean = unreadable.size === 0 && skip.length === 0 && suspect === null;
    if (isClean) this.#batchRows ??= await bestBatchRows(shared, this.#monotonic);
    return runRange({
      ...shared,
      batchRows: this.#batchRows ?? DEFAULT_BATCH_ROWS,
      suspect: suspect === null ? null : { from: suspect.from - from, to: suspect.to - from },
      rejected: new Map([
        ...[...unreadable].map(([row, { reason }]) => [row, { code: 'PREDICT_CELL', reason }] as const),
        ...skip.map(([row, rejection]) => [row - from, rejection] as const),
      ]),
      onReject: (count, { reason }) => {
        rejections += count;
        if (rejections <= mostRejected) return;
        const { job } = this.#opened;
        throw fail('PREDICT_REJECTED', { job, rejected: rejections, rows: to - from, most: mostRejected, reason });
      },
    });
  }

  async #write(
    { partition, attempt }: ScoreMessage,
    { sink, rejected }: ScoredRows,
    { rows: fed, unreadable }: ScoreRows,
  ): Promise<Part> {
    const { index, from, to } = partition;
    const { job, jobPath } = this.#opened;
    const version = this.#version;
    const rows = to - from - rejected.size;
    const scratch = scratchFile(jobPath, index, attempt, 'parquet');
    if (rows > 0) {
      const isScored = new Uint8Array(to - from).fill(1);
      for (const row of rejected.keys()) isScored[row] = 0;
      const stamp = { version: version.version, digest: version.artifact, job };
      await this.#table.write({ from, to, isScored, columns: sink.columns(), ...stamp }, scratch);
    }
    const output = rows > 0 ? await listFile(jobPath, scratch, index, '.parquet') : null;
    const names = version.signature.features;
    const quarantine = await listQuarantine(
      jobPath,
      { index, attempt },
      names,
      [...rejected].map(([row, rejection]) => ({
        ...rejection,
        row: from + row,
        features: unreadable.get(row)?.features ?? cellsOfRow(this.#model.inputs, fed, row),
      })),
    );
    return { partition: index, from, to, rows, output, quarantined: rejected.size, quarantine };
  }

  #publish({ attempt }: ScoreMessage, part: Part): Part {
    const { job, jobPath } = this.#opened;
    const version = this.#version;
    return publishPart(jobPath, { job, attempt, version: version.version, digest: version.artifact, part });
  }

  #mustBeUnchanged(): void {
    const { identity } = this.#opened;
    if (identity !== null) mustBeUnchanged(identity);
  }
}

/** Rows of a run where they were not measured. */
const DEFAULT_BATCH_ROWS = 256;

/** A version as a worker of a job runs it, and what takes the results of its runs. */
interface JobModel {
  readonly inputs: RowInputs;
  run(rows: ModelRows): Promise<unknown>;
  newSink(rows: number): ColumnSink<unknown>;
  close(): Promise<void>;
}

/** A model with a sink of the results that it answers: the two always come together. */
function paired<R>(
  model: { readonly inputs: RowInputs; run(rows: ModelRows): Promise<R>; close(): Promise<void> },
  newSink: (rows: number) => ColumnSink<R>,
): JobModel {
  return {
    inputs: model.inputs,
    run: (rows) => model.run(rows),
    newSink: (rows) => {
      const { take, columns } = newSink(rows);
      return { take: (row, result, place) => take(row, result as R, place), columns };
    },
    close: () => model.close(),
  };
}

/** Loads a resolved version as jobs run it: for one score a row, or for its outputs by name. Errors: ARTIFACT_*, MODEL_*, PYTHON_*. */
async function loadJobModel(scored: ScoredVersion, tools: VersionTools): Promise<JobModel> {
  const { outputs = null } = scored;
  if (outputs === null) return paired(await loadScored(scored, tools), scoreColumn);
  return paired(await loadOutputs({ ...scored, outputs }, tools), (rows) => outputSink(outputs, rows));
}
