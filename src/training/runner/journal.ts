import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { syncFolder } from '../../files/sync-folder.ts';

const entrySchema = z.object({
  seq: z.int().nonnegative(),
  /** Epoch ms. */
  wall: z.number(),
  /** Milliseconds of a clock that never jumps; comparable within one controller. */
  mono: z.number(),
  run: z.string(),
  attempt: z.int().nonnegative(),
  event: z.string(),
  data: z.record(z.string(), z.json()),
});

export type JournalEntry = Readonly<z.output<typeof entrySchema>>;

/** The content of an entry; the journal adds place and times. */
export type JournalEvent = Pick<JournalEntry, 'attempt' | 'event' | 'data'>;

/**
 * The journal of a run: JSON lines that are only added. Each is on the disk before the append returns, so that a controller
 * that is killed at any instant is restored from it. A last line that was cut is removed.
 */
export class Journal {
  readonly #file: number;
  readonly #run: string;
  readonly #entries: JournalEntry[];

  private constructor(file: number, run: string, entries: JournalEntry[]) {
    this.#file = file;
    this.#run = run;
    this.#entries = entries;
  }

  /** Opens or makes a journal. Errors: RUN_JOURNAL (a damaged line that is not the last, or the journal of another run). */
  static open(path: string, run: string): Journal {
    const file = openSync(path, 'a+', 0o600);
    try {
      const bytes = readFileSync(path);
      const { entries, length } = parseJournal(bytes, path);
      const other = entries.find((entry) => entry.run !== run);
      if (other !== undefined) throw fail('RUN_JOURNAL', { path, reason: `it is the journal of run "${other.run}"` });
      if (length < bytes.length) ftruncateSync(file, length);
      syncFolder(dirname(path));
      return new Journal(file, run, entries);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  append(event: JournalEvent): JournalEntry {
    const entry = { seq: this.#entries.length, wall: Date.now(), mono: performance.now(), run: this.#run, ...event };
    writeAll(this.#file, Buffer.from(`${JSON.stringify(entry)}\n`));
    fsyncSync(this.#file);
    this.#entries.push(entry);
    return entry;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The entries of a journal that another process writes; none where it is not there yet. Error: RUN_JOURNAL. */
export function readJournal(path: string): readonly JournalEntry[] {
  return existsSync(path) ? parseJournal(readFileSync(path), path).entries : [];
}

/** The entries of a journal, and the bytes that they take. Error: RUN_JOURNAL. */
function parseJournal(bytes: Buffer, path: string): { entries: JournalEntry[]; length: number } {
  const entries: JournalEntry[] = [];
  let length = 0;
  while (length < bytes.length) {
    const end = bytes.indexOf(10, length);
    // A line without its end was being written when the controller died.
    if (end === -1) break;
    const entry = parseEntry(bytes.toString('utf8', length, end));
    if (entry === null || entry.seq !== entries.length) {
      if (end === bytes.length - 1 && entry === null) break;
      throw fail('RUN_JOURNAL', { path, reason: `line ${entries.length + 1} is damaged` });
    }
    entries.push(entry);
    length = end + 1;
  }
  return { entries, length };
}

function parseEntry(line: string): JournalEntry | null {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
