import { appendFileSync, closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';

/** The file of the audit log in an environment's directory. */
export const AUDIT_FILE = 'audit.jsonl';

/** One administrative call. */
export interface AuditEntry {
  /** The id of an API key, or the user of the command line. */
  readonly who: string;
  /** `keys create`, `forget`, … */
  readonly what: string;
  /** The object of the operation, without personal data. */
  readonly target: string;
}

/** A line of the audit log: a call that ended. */
export interface AuditLine extends AuditEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `done`, or the code of the error. */
  readonly outcome: string;
}

/** Bytes at the end of the file that a list of the newest lines is read from. */
const TAIL_BYTES = 1_048_576;

/** The newest lines, the newest first, `most` at most. A line that a power loss cut is left out. */
export function newestAudited(directory: string, most: number): readonly AuditLine[] {
  const path = join(directory, AUDIT_FILE);
  if (!existsSync(path)) return [];
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const from = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    readSync(file, bytes, 0, bytes.length, from);
    const lines = bytes.toString('utf8').split('\n').toReversed();
    return lines.flatMap((line) => auditLine(line) ?? []).slice(0, most);
  } finally {
    closeSync(file);
  }
}

/** An entry of a line of the file; null: the line has no entry. */
export function auditLine(line: string): AuditLine | null {
  try {
    const found = lineSchema.safeParse(JSON.parse(line));
    return found.success ? found.data : null;
  } catch {
    return null;
  }
}

const lineSchema = z.object({
  at: z.string(),
  who: z.string(),
  what: z.string(),
  target: z.string(),
  outcome: z.string(),
});

/** The audit log of a directory. */
export class AuditFile {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Appends a line, and waits until it is durable. Error: AUDIT_WRITE. */
  append({ who, what, target }: AuditEntry, at: number, outcome: string): void {
    const line = JSON.stringify({ at: new Date(at).toISOString(), who, what, target, outcome });
    const path = join(this.#directory, AUDIT_FILE);
    try {
      mkdirSync(this.#directory, { recursive: true });
      appendFileSync(path, `${line}\n`, { mode: 0o600, flush: true });
    } catch (error) {
      throw fail('AUDIT_WRITE', { path, reason: reasonOf(error), what, outcome }, error);
    }
  }
}

/** The audit logs of the environments that this process has open, by directory. */
const open = new Map<string, AuditFile>();

/** Opens the audit log of an environment; `watch` may stand between the calls and the file. */
export function openAudit(directory: string, watch: (file: AuditFile) => AuditFile): { close(): void } {
  const key = resolve(directory);
  const file = watch(new AuditFile(directory));
  open.set(key, file);
  return {
    close: () => {
      if (open.get(key) === file) open.delete(key);
    },
  };
}

/**
 * Does the work of an administrative call and appends a line to `audit.jsonl` of the environment, whatever comes of it:
 * `{"at":…,"who":…,"what":…,"target":…,"outcome":"done"}`, or the code of the error. Errors: AUDIT_WRITE, which names the outcome;
 * those of the work.
 */
export async function audited<T>(
  directory: string,
  entry: AuditEntry,
  clock: () => number,
  work: () => T | Promise<T>,
): Promise<T> {
  const file = open.get(resolve(directory)) ?? new AuditFile(directory);
  const result = await Promise.try(work).catch((error: unknown) => {
    file.append(entry, clock(), isHeadraceError(error) ? error.code : 'failed');
    throw error;
  });
  file.append(entry, clock(), 'done');
  return result;
}
