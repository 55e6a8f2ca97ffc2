import { renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import type { OpenScoreTable, ScoreFiles } from '../../ports/score-files.ts';
import { checkParity } from '../../registry/parity.ts';
import { loadScorer, type Scorer } from '../../registry/scorer.ts';
import { SPEC_FORMAT } from './batch-spec.ts';
import { publishFirst, readIfThere, sha256OfFile, writeDurably, writing } from './durable-file.ts';
import { mustBeUnchanged } from './file-identity.ts';
import { type Part, type PartManifest, parseBatchFile, partManifestSchema } from './part-manifest.ts';
import { bestBatchRows, type RangeScores, type RowRange, scoreRange } from './score-range.ts';
import type { OpenMessage, ScoreMessage } from './worker-messages.ts';

/** The tools of a worker process. */
export interface BatchTools {
  readonly artifacts: ArtifactStore;
  readonly runtime: ModelRuntime;
  readonly files: ScoreFiles;
}

/** Receives how far an attempt is. */
export interface ScoreListener {
  /** Called before each run of the model, with its rows of the input. */
  readonly onRun: (rows: RowRange) => void;
  /** Called after the last run, before the rows are written. */
  readonly onScored: () => void;
}

/** The published facts of a partition's file. */
type Listed = NonNullable<Part['output']>;

/**
 * A worker of a batch job, in its own process: it scores one partition after the other and publishes each. A partition that
 * another attempt published first stays as it is.
 */
export class BatchWorker {
  readonly #opened: OpenMessage;
  readonly #model: Scorer;
  readonly #table: OpenScoreTable;
  readonly #monotonic: () => number;
  /** Rows of a run; null until they were measured. */
  #batchRows: number | null = null;

  private constructor(opened: OpenMessage, model: Scorer, table: OpenScoreTable, monotonic: () => number) {
    this.#opened = opened;
    this.#model = model;
    this.#table = table;
    this.#monotonic = monotonic;
  }

  /** Loads the model, checks it against its parity vectors, and opens the input. Errors: ARTIFACT_*, MODEL_*, PREDICT_*. */
  static async open(opened: OpenMessage, tools: BatchTools, monotonic: () => number): Promise<BatchWorker> {
    const { version, table } = opened;
    const { artifacts, runtime, files } = tools;
    const model = await loadScorer(runtime, await artifacts.get(version.artifact), version.signature);
    await checkParity(version, model, await artifacts.get(version.parity));
    return new BatchWorker(opened, model, await files.open(table), monotonic);
  }

  /** Scores and publishes a partition; gives the part that counts. Errors: PREDICT_*. */
  async score(asked: ScoreMessage, { onRun, onScored }: ScoreListener): Promise<Part> {
    const { from, to } = asked.partition;
    this.#mustBeUnchanged();
    const { features, unreadable } = await this.#table.read(from, to);
    const scored = await this.#scoreRows(asked, features, unreadable, onRun);
    onScored();
    const part = await this.#write(asked, scored, features);
    this.#mustBeUnchanged();
    return this.#publish(asked, part);
  }

  async close(): Promise<void> {
    this.#table.close();
    await this.#model.close();
  }

  async #scoreRows(
    { partition: { from, to }, suspect, skip, mostRejected }: ScoreMessage,
    features: Float32Array<ArrayBuffer>,
    unreadable: ReadonlyMap<number, string>,
    onRun: (rows: RowRange) => void,
  ): Promise<RangeScores> {
    let rejections = 0;
    const shared = {
      features,
      width: this.#opened.version.signature.features.length,
      rows: to - from,
      run: (rows: Float32Array<ArrayBuffer>, count: number) => this.#model.run(rows, count),
      onRun: (range: RowRange) => onRun({ from: from + range.from, to: from + range.to }),
    };
    const isClean = unreadable.size === 0 && skip.length === 0 && suspect === null;
    if (isClean) this.#batchRows ??= await bestBatchRows(shared, this.#monotonic);
    return scoreRange({
      ...shared,
      batchRows: this.#batchRows ?? DEFAULT_BATCH_ROWS,
      suspect: suspect === null ? null : { from: suspect.from - from, to: suspect.to - from },
      rejected: new Map([
        ...[...unreadable].map(([row, reason]) => [row, { code: 'PREDICT_CELL', reason }] as const),
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
    { scores, rejected }: RangeScores,
    features: Float32Array,
  ): Promise<Part> {
    const { index, from, to } = partition;
    const { version, job } = this.#opened;
    const rows = to - from - rejected.size;
    const scratch = this.#scratch(index, attempt, 'parquet');
    if (rows > 0)
      await this.#table.write({ from, to, scores, version: version.version, digest: version.artifact, job }, scratch);
    const output = rows > 0 ? await this.#list(scratch, index, '.parquet') : null;
    const lines = [...rejected]
      .sort(([a], [b]) => a - b)
      .map(([row, rejection]) => this.#quarantineLine(from, row, rejection, features));
    let quarantine: Listed | null = null;
    if (lines.length > 0) {
      const path = this.#scratch(index, attempt, 'quarantine');
      writeDurably(path, lines.join(''));
      quarantine = await this.#list(path, index, '.quarantine.jsonl');
    }
    return { partition: index, from, to, rows, output, quarantined: rejected.size, quarantine };
  }

  #quarantineLine(from: number, row: number, rejection: { code: string; reason: string }, features: Float32Array) {
    const names = this.#opened.version.signature.features;
    const values = names.map((name, i) => [name, jsonNumber(features[row * names.length + i])]);
    return `${JSON.stringify({ row: from + row, ...rejection, features: Object.fromEntries(values) })}\n`;
  }

  /** Names a written file by its content: attempts with the same result write the same file. */
  async #list(scratch: string, index: number, ending: string): Promise<Listed> {
    const sha256 = await sha256OfFile(scratch);
    const file = `part-${numbered(index)}-${sha256.slice(0, 16)}${ending}`;
    const { size: sizeBytes } = statSync(scratch);
    writing(file, () => renameSync(scratch, join(this.#opened.jobPath, file)));
    return { file, sizeBytes, sha256 };
  }

  #publish({ partition: { index }, attempt }: ScoreMessage, part: Part): Part {
    const { job, version, jobPath } = this.#opened;
    // The names of its files are durable before a manifest lists them.
    syncFolder(jobPath);
    const manifest: PartManifest = {
      format: SPEC_FORMAT,
      job,
      attempt,
      version: version.version,
      digest: version.artifact,
      part,
    };
    const scratch = this.#scratch(index, attempt, 'json');
    const path = join(jobPath, 'parts', `${numbered(index)}.json`);
    writeDurably(scratch, `${JSON.stringify(manifest)}\n`);
    const isFirst = publishFirst(scratch, path);
    rmSync(scratch, { force: true });
    return isFirst ? part : parseBatchFile(partManifestSchema, readIfThere(path) ?? '', path).part;
  }

  #scratch(index: number, attempt: string, ending: string): string {
    return join(this.#opened.jobPath, 'tmp', `${numbered(index)}.${attempt}.${ending}`);
  }

  #mustBeUnchanged(): void {
    const { identity } = this.#opened;
    if (identity !== null) mustBeUnchanged(identity);
  }
}

/** Rows of a run where they were not measured. */
const DEFAULT_BATCH_ROWS = 256;

const DIGITS = 6;

function numbered(index: number): string {
  return String(index).padStart(DIGITS, '0');
}

function jsonNumber(value: number): number | string | null {
  if (Number.isNaN(value)) return null;
  return Number.isFinite(value) ? value : String(value);
}
