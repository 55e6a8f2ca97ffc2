import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import { CHECKPOINT_FORMAT, checkpointNames } from './checkpoints.ts';
import { type Hold, RUN_FORMAT, replaceJson, runFiles } from './run-files.ts';

const jobSchema = z.object({
  format: z.literal(RUN_FORMAT),
  attempt: z.int(),
  worldSize: z.int(),
  targetSteps: z.int().nullable(),
  resume: z.string().nullable(),
  options: z.record(z.string(), z.json()),
  hold: z.object({ inSave: z.boolean(), saved: z.int(), step: z.int() }).partial().default({}),
});

const requestSchema = z.object({ id: z.string() });

const resumedSchema = z.object({ step: z.int() });

/** A program's side of a run of one rank, in TypeScript; headrace_job.py is the same for Python. */
export class ProgramRun {
  readonly targetSteps: number | null;
  readonly options: Readonly<Record<string, unknown>>;
  /** Folder of the checkpoint to resume from; null: from the beginning. */
  readonly resume: string | null;
  /** Step of that checkpoint. */
  readonly resumedStep: number;
  readonly #files: ReturnType<typeof runFiles>;
  readonly #attempt: number;
  /** A drill kills the program at these places: it waits there, so that the kill never comes too late. */
  readonly #hold: Hold;
  #lastCheckpoint: number | null;
  #highest: number;
  #backTo: number | null = null;
  #request: string | null = null;
  #signalled = false;
  #stopping = false;

  private constructor(folder: string) {
    this.#files = runFiles(folder);
    const job = jobSchema.parse(readJson(this.#files.run));
    const { attempt, worldSize, targetSteps, resume, options } = job;
    if (worldSize !== 1)
      throw fail('RUN_SPEC', { member: 'ranks', reason: `an embedded trainer is one process, not ${worldSize}` });
    this.#attempt = attempt;
    this.#hold = job.hold;
    this.targetSteps = targetSteps;
    this.options = options;
    this.resume = resume;
    this.resumedStep = resume === null ? 0 : resumedSchema.parse(readJson(join(resume, 'manifest.json'))).step;
    this.#lastCheckpoint = resume === null ? null : this.resumedStep;
    this.#highest = this.resumedStep;
    process.on('SIGTERM', () => {
      this.#signalled = true;
    });
  }

  /** The run that this process is a rank of; null outside of a run. Error: RUN_SPEC, for more than one rank. */
  static open(): ProgramRun | null {
    const folder = process.env['HEADRACE_RUN_FOLDER'];
    return folder === undefined ? null : new ProgramRun(folder);
  }

  /** Whether the program must end, after a checkpoint. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Reports the steps and samples that are done. A loss that is not finite is noted as diverged. */
  heartbeat(step: number, samples: number, loss: number): void {
    const finite = Number.isFinite(loss);
    if (step < this.#highest) this.#backTo = Math.min(step, this.#backTo ?? step);
    this.#highest = Math.max(step, this.#highest);
    const path = join(this.#files.heartbeats, '0.json');
    const beat = {
      format: RUN_FORMAT,
      attempt: this.#attempt,
      step,
      samples,
      loss: finite ? loss : null,
      diverged: !finite,
      t: Date.now(),
      lastCheckpoint: this.#lastCheckpoint,
      backTo: this.#backTo,
    };
    writeFileSync(`${path}.new`, JSON.stringify(beat));
    renameSync(`${path}.new`, path);
    if (step >= (this.#hold.step ?? Number.POSITIVE_INFINITY)) waitForEver();
  }

  /** Whether a checkpoint is due: the controller asked for one, or for the end. Call it after each heartbeat. */
  checkpointDue(): boolean {
    const request = existsSync(this.#files.request) ? requestSchema.safeParse(readJson(this.#files.request)) : null;
    const id = request?.success === true ? request.data.id : null;
    const due = this.#signalled || (id !== null && id !== this.#request);
    this.#request = id;
    this.#stopping ||= this.#signalled;
    return due;
  }

  /** Writes a checkpoint of files by name: it is there after a rename, or not at all. */
  save(step: number, samples: number, contents: Readonly<Record<string, string>>): void {
    const name = `step-${String(step).padStart(9, '0')}`;
    const final = join(this.#files.checkpoints, name);
    if (existsSync(final)) return;
    const folder = join(this.#files.checkpoints, `.tmp-${this.#attempt}-${name}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files = Object.entries(contents).map(([file, text]) => {
      const bytes = Buffer.from(text);
      writeDurably(join(folder, file), bytes);
      return { name: file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    });
    replaceJson(join(folder, 'manifest.json'), {
      format: CHECKPOINT_FORMAT,
      step,
      samples,
      worldSize: 1,
      reshards: false,
      files,
    });
    if (this.#hold.inSave === true && this.#saved() > 0) waitForEver();
    renameSync(folder, final);
    syncFolder(this.#files.checkpoints);
    this.#lastCheckpoint = step;
    if (this.#saved() >= (this.#hold.saved ?? Number.POSITIVE_INFINITY)) waitForEver();
  }

  #saved(): number {
    return checkpointNames(this.#files.checkpoints).length;
  }

  /** Ends the run well. */
  done(step: number, result: unknown): void {
    replaceJson(this.#files.done, { format: RUN_FORMAT, step, result });
  }
}

function waitForEver(): never {
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function writeDurably(path: string, bytes: Buffer): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
