import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Vectors of a service that were served and are in no row that left the process. */
export interface UnsentCount {
  readonly service: string;
  /** The instant of one of the last of them, epoch ms. */
  readonly at: number;
  readonly vectors: number;
}

/** Those of a process that died. */
export interface LostCounts {
  readonly host: string;
  readonly process: string;
  readonly counts: readonly UnsentCount[];
}

export interface UnsentCountsOptions {
  readonly directory: string;
  readonly host: string;
  readonly process: string;
  /** Takes a lock that ends with the process, however that dies; null: somebody has it. */
  readonly lock: (path: string) => { release(): void } | null;
}

const FORMAT = 1;
const shape = z.object({
  format: z.literal(FORMAT),
  host: z.string(),
  process: z.string(),
  counts: z.array(z.object({ service: z.string(), at: z.number(), vectors: z.int().min(0) })),
});

/** Bytes that a file grows by: a shorter text is filled up with spaces, so that one write replaces it. */
const PAGE = 4_096;

/**
 * Counts what a process would take with it: in a file that outlives it, about once a second. The next process of the directory
 * finds the files of dead ones by their locks, which end with a process.
 */
export class UnsentCounts {
  readonly #options: UnsentCountsOptions;
  readonly #path: string;
  readonly #lock: { release(): void } | null;
  readonly #file: number;
  #written = '';
  #left = false;

  private constructor(options: UnsentCountsOptions) {
    this.#options = options;
    const folder = folderOf(options.directory);
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, options.process);
    this.#lock = options.lock(`${this.#path}.lock`);
    this.#file = openSync(`${this.#path}.json`, 'w');
  }

  static open(options: UnsentCountsOptions): UnsentCounts {
    return new UnsentCounts(options);
  }

  /** Writes the counts, if they are others than the last ones. */
  note(counts: readonly UnsentCount[]): void {
    const { host, process } = this.#options;
    const text = JSON.stringify({ format: FORMAT, host, process, counts });
    this.#left = counts.length > 0;
    if (text === this.#written) return;
    const size = Math.max(Math.ceil(text.length / PAGE) * PAGE, Math.ceil(this.#written.length / PAGE) * PAGE);
    writeSync(this.#file, text.padEnd(size), 0);
    this.#written = text;
  }

  /** The counts of processes that died, each given to one caller. A file that does not read is of a process that had none. */
  takeLost(): readonly LostCounts[] {
    const folder = folderOf(this.#options.directory);
    const lost: LostCounts[] = [];
    for (const file of readdirSync(folder)) {
      const path = join(folder, file.slice(0, -'.json'.length));
      if (!file.endsWith('.json') || path === this.#path) continue;
      const lock = this.#options.lock(`${path}.lock`);
      if (lock === null) continue;
      const found = parse(join(folder, file));
      if (found !== null && found.counts.length > 0) lost.push(found);
      rmSync(`${path}.json`, { force: true });
      rmSync(`${path}.lock`, { force: true });
      lock.release();
    }
    return lost;
  }

  /** Leaves no file where every count has left; otherwise the next process takes the last counts. */
  close(): void {
    closeSync(this.#file);
    if (!this.#left) rmSync(`${this.#path}.json`, { force: true });
    rmSync(`${this.#path}.lock`, { force: true });
    this.#lock?.release();
  }
}

function folderOf(directory: string): string {
  return join(directory, 'unsent-profiles');
}

function parse(path: string): LostCounts | null {
  try {
    const parsed = shape.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
