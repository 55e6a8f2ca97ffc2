import { fail, HeadraceError } from '../../base/errors/fail.ts';
import type { ScoreTable } from '../../ports/score-files.ts';
import type { ScoredVersion } from '../../versions/load/scored-version.ts';
import type { BatchFolder } from './batch-folder.ts';
import { type BatchProgress, ProgressCount } from './batch-progress.ts';
import { type BatchSpec, type Partition, partitionsOf } from './batch-spec.ts';
import type { FileIdentity } from './file-identity.ts';
import type { Part } from './part-manifest.ts';
import { SpareWorkers } from './spare-workers.ts';
import { Suspects } from './suspects.ts';
import { WorkQueue } from './work-queue.ts';
import type { FromBatchWorker } from './worker-messages.ts';
import { WorkerProcess, type WorkerProgram } from './worker-process.ts';
import { newSlot, type Slot } from './worker-slot.ts';

export interface BatchRunOptions {
  readonly spec: BatchSpec;
  readonly job: string;
  readonly folder: BatchFolder;
  readonly scored: ScoredVersion;
  readonly table: ScoreTable;
  /** null: the table is a copy that nobody else writes. */
  readonly identity: FileIdentity | null;
  readonly program: WorkerProgram;
  readonly workers: number;
  /** A run of the model that takes longer counts as hung, ms. */
  readonly runTimeoutMs: number;
  readonly monotonic: () => number;
  readonly onProgress: (progress: BatchProgress) => void;
  /** Receives the id of each worker process as it starts. */
  readonly onWorker: (pid: number) => void;
  readonly signal: AbortSignal | null;
}

/** Workers that end this often in a row before they score a row are not started again. */
const MOST_BARREN = 20;

/** Attempts at a partition whose error is not catalogued. */
const MOST_TRIES = 3;

const LOOK_EVERY_MS = 100;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1_000;

/** A worker that starts, reads or writes may be silent for this long, ms. */
const SILENT_MS = 600_000;

/** A partition counts as slow after this multiple of the usual duration. */
const SLOW = 3;

/**
 * One run of a batch job: hands partitions to worker processes until each is published. A worker that dies is replaced, one that
 * hangs is killed, and a slow partition gets a second attempt from a worker that would be idle.
 */
export class BatchRun {
  readonly #options: BatchRunOptions;
  readonly #parts: Map<number, Part>;
  readonly #partitions: readonly Partition[];
  readonly #queue: WorkQueue;
  readonly #suspects = new Suspects();
  readonly #slots: readonly Slot[];
  readonly #spare: SpareWorkers<Slot>;
  readonly #progress: ProgressCount;
  readonly #durations: number[] = [];
  readonly #tries = new Map<number, number>();
  readonly #outcome = Promise.withResolvers<void>();
  #attempts = 0;
  #barren = 0;
  #isOver = false;
  #pauses = new Set<NodeJS.Timeout>();

  constructor(options: BatchRunOptions) {
    const { spec, job, folder, workers, monotonic } = options;
    this.#options = options;
    this.#parts = folder.parts();
    this.#partitions = partitionsOf(spec);
    const left = this.#partitions.filter(({ index }) => !this.#parts.has(index));
    const slots = Math.max(1, Math.min(workers, left.length));
    this.#queue = new WorkQueue(left, slots);
    this.#progress = new ProgressCount(job, spec.input.rows, monotonic);
    for (const part of this.#parts.values()) this.#progress.add(part.to - part.from, part.quarantined, false);
    this.#slots = Array.from({ length: left.length === 0 ? 0 : slots }, (_, index) => newSlot(index));
    const rows = left.reduce((sum, { from, to }) => sum + to - from, 0);
    this.#spare = new SpareWorkers(this.#slots, rows);
  }

  /** The parts, in order, when each is published. Errors: JOB_CANCELLED, PREDICT_*, MODEL_*. */
  async parts(): Promise<readonly Part[]> {
    const { signal, job } = this.#options;
    const abort = () => this.#end(fail('JOB_CANCELLED', { job }));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    const timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    try {
      this.#settle();
      for (const slot of this.#spare.first) if (!this.#isOver) this.#start(slot);
      await this.#outcome.promise;
      this.#options.onProgress(this.#progress.now());
      return this.#partitions.map(({ index }) => this.#partOf(index));
    } finally {
      this.#isOver = true;
      clearInterval(timer);
      for (const pause of this.#pauses) clearTimeout(pause);
      signal?.removeEventListener('abort', abort);
      for (const { process } of this.#slots) process?.kill();
    }
  }

  /** Processes of the workers that run. */
  get pids(): readonly number[] {
    return this.#slots.flatMap(({ process }) => process?.pid ?? []);
  }

  #start(slot: Slot): void {
    const { job, scored, table, identity, folder, program, monotonic } = this.#options;
    slot.isReady = false;
    slot.isHung = false;
    slot.heardAt = monotonic();
    const open = { kind: 'open', job, scored, table, identity, jobPath: folder.jobPath } as const;
    slot.process = new WorkerProcess(program, open, {
      onMessage: (message) => this.#hear(slot, message),
      onEnd: (outcome) => this.#ended(slot, outcome),
    });
    const { pid } = slot.process;
    if (pid !== undefined) this.#options.onWorker(pid);
  }

  #hear(slot: Slot, message: FromBatchWorker): void {
    if (this.#isOver) return;
    slot.heardAt = this.#options.monotonic();
    switch (message.kind) {
      case 'ready':
        slot.isReady = true;
        this.#spare.ready(slot.heardAt);
        return this.#give(slot);
      case 'run':
        slot.running = message.rows;
        return;
      case 'scored':
        slot.running = null;
        return;
      case 'done':
        this.#barren = 0;
        return this.#take(slot, message.part);
      case 'failed':
        return this.#failed(slot, message);
      default:
        message satisfies never;
    }
  }

  /** Gives an idle worker what to do next. */
  #give(slot: Slot): void {
    for (;;) {
      const partition = this.#queue.take(slot.index) ?? this.#slowest(slot);
      if (partition === undefined) return;
      if (!this.#parts.has(partition.index)) return this.#attempt(slot, partition);
    }
  }

  #attempt(slot: Slot, partition: Partition): void {
    const { folder, spec, monotonic } = this.#options;
    this.#attempts += 1;
    slot.partition = partition;
    slot.running = null;
    slot.begunAt = monotonic();
    slot.heardAt = slot.begunAt;
    const most = Math.floor(spec.options.mostErrors * spec.input.rows);
    slot.process?.score({
      kind: 'score',
      partition,
      attempt: `${folder.run}-${this.#attempts}`,
      suspect: this.#suspects.rangeOf(partition),
      skip: this.#suspects.skipOf(partition),
      mostRejected: most - this.#progress.now().quarantined,
    });
  }

  /** A partition that one other worker has had for long; undefined: none. */
  #slowest({ index }: Slot): Partition | undefined {
    if (this.#durations.length === 0) return undefined;
    const usual = this.#durations.toSorted((a, b) => a - b)[Math.floor(this.#durations.length / 2)];
    const now = this.#options.monotonic();
    const busy = this.#slots.filter(({ partition }) => partition !== null);
    return (
      busy.find(
        (one) =>
          one.index !== index &&
          now - one.begunAt > SLOW * usual + LOOK_EVERY_MS &&
          busy.filter(({ partition }) => partition === one.partition).length === 1,
      )?.partition ?? undefined
    );
  }

  #take(slot: Slot, part: Part): void {
    const { folder, monotonic, spec, job } = this.#options;
    slot.partition = null;
    slot.running = null;
    this.#durations.push(monotonic() - slot.begunAt);
    if (!this.#parts.has(part.partition)) {
      this.#parts.set(part.partition, part);
      this.#suspects.done(part.partition);
      this.#progress.add(part.to - part.from, part.quarantined, true);
      this.#options.onProgress(this.#progress.now());
    }
    const { quarantined } = this.#progress.now();
    const { rows } = spec.input;
    const most = Math.floor(spec.options.mostErrors * rows);
    if (folder.isFenced) this.#end(fail('PREDICT_FENCED', { path: folder.path }));
    if (quarantined > most)
      this.#end(fail('PREDICT_REJECTED', { job, rejected: quarantined, rows, most, reason: 'see quarantine' }));
    this.#settle();
    if (!this.#isOver) this.#give(slot);
  }

  #failed(slot: Slot, { code, facts, message }: Extract<FromBatchWorker, { kind: 'failed' }>): void {
    if (code !== null) return this.#end(new HeadraceError(code, facts));
    const { partition } = slot;
    const tries = (this.#tries.get(partition?.index ?? -1) ?? 0) + 1;
    this.#tries.set(partition?.index ?? -1, tries);
    if (partition === null || tries >= MOST_TRIES) return this.#end(new Error(message));
    slot.partition = null;
    this.#progress.retried();
    this.#attempt(slot, partition);
  }

  #ended(slot: Slot, outcome: string): void {
    const { partition, running, isHung } = slot;
    const { job, runTimeoutMs } = this.#options;
    slot.process = null;
    slot.partition = null;
    slot.running = null;
    if (this.#isOver) return;
    if (partition !== null) {
      if (running !== null) {
        const rejection = isHung
          ? ({ code: 'MODEL_HANG', reason: `its run did not end within ${runTimeoutMs} ms` } as const)
          : ({ code: 'MODEL_CRASH', reason: 'its run ended the process each time' } as const);
        this.#suspects.ended(partition, running, rejection);
      }
      if (!this.#parts.has(partition.index)) {
        this.#queue.putBack(slot.index, partition);
        this.#progress.retried();
      }
    }
    this.#barren = running === null ? this.#barren + 1 : 0;
    if (this.#barren >= MOST_BARREN) return this.#end(fail('PREDICT_WORKER', { job, deaths: this.#barren, outcome }));
    const pause = setTimeout(
      () => {
        this.#pauses.delete(pause);
        this.#start(slot);
      },
      Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#barren),
    );
    this.#pauses.add(pause);
  }

  /** Starts spare workers, kills those that say nothing, and gives idle ones a second attempt at a slow partition. */
  #look(): void {
    const { monotonic, runTimeoutMs } = this.#options;
    if (!this.#isOver) for (const slot of this.#spare.due(monotonic())) this.#start(slot);
    for (const slot of this.#slots) {
      if (this.#isOver) return;
      if (slot.process === null) continue;
      if (slot.partition === null && slot.isReady) this.#give(slot);
      else if (monotonic() - slot.heardAt > (slot.running === null ? SILENT_MS : runTimeoutMs)) {
        slot.isHung = slot.running !== null;
        slot.process.kill();
      }
    }
  }

  #settle(): void {
    if (this.#parts.size === this.#partitions.length) this.#end(null);
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (error === null) this.#outcome.resolve();
    else this.#outcome.reject(error);
  }

  #partOf(index: number): Part {
    const part = this.#parts.get(index);
    if (part === undefined) throw new Error(`partition ${index} is not published`);
    return part;
  }
}
