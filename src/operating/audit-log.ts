import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isHeadraceError } from '../base/errors/fail.ts';

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

/**
 * Does the work of an administrative call and appends a line to `audit.jsonl` of the environment, whatever comes of it:
 * `{"at":…,"who":…,"what":…,"target":…,"outcome":"done"}`, or the code of the error.
 */
export async function audited<T>(
  directory: string,
  entry: AuditEntry,
  clock: () => number,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    append(directory, entry, clock(), 'done');
    return result;
  } catch (error) {
    append(directory, entry, clock(), isHeadraceError(error) ? error.code : 'failed');
    throw error;
  }
}

function append(directory: string, { who, what, target }: AuditEntry, at: number, outcome: string): void {
  const line = JSON.stringify({ at: new Date(at).toISOString(), who, what, target, outcome });
  mkdirSync(directory, { recursive: true });
  appendFileSync(join(directory, AUDIT_FILE), `${line}\n`, { mode: 0o600, flush: true });
}
