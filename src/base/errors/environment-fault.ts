import { catalogue } from './catalogue.ts';
import { type ErrorCode, isHeadraceError } from './fail.ts';
import type { ErrorRow } from './row.ts';

/** A fault of the place where a store keeps its data, as a person reads it. */
export interface EnvironmentFault {
  /** Of the catalogue, or of the system: `EIO`. */
  readonly code: string;
  readonly message: string;
  /** An imperative. */
  readonly hint: string;
}

/** Exit codes of a store, a file or an address at fault. */
const EXITS: readonly number[] = [4, 5];

/**
 * Codes with such an exit that depend on the call: its size, its order, the age of its data, or one damaged object, which the part that
 * needs the object reports.
 */
const OF_THE_CALL: ReadonlySet<string> = new Set<ErrorCode>([
  'ARTIFACT_DAMAGED',
  'DISK_ARTIFACTS',
  'LOG_ORDER',
  'LOG_TOPIC',
  'LOG_TRIMMED',
  'OFFLINE_CORRUPT',
  'OFFLINE_CUT',
  'OFFLINE_GONE',
  'OFFLINE_MEMORY',
  'OFFLINE_REBUILD',
]);

const CHECK_DISK = 'check the disk: the log of the system has its errors';
const FREE_SPACE = 'free space on the disk';
const ALLOW = 'allow the process to read and write there';
const CLOSE_FILES = 'raise the limit of open files of the process (ulimit -n)';
const CHECK_ADDRESS = 'check that the server runs, and that its address is right';

/** Hints by the error codes of the system (errno) that do not depend on the call. */
const SYSTEM: Readonly<Record<string, string>> = {
  EIO: CHECK_DISK,
  ENXIO: CHECK_DISK,
  ENODEV: CHECK_DISK,
  ESTALE: CHECK_DISK,
  ENOSPC: FREE_SPACE,
  EDQUOT: FREE_SPACE,
  EROFS: ALLOW,
  EACCES: ALLOW,
  EPERM: ALLOW,
  EMFILE: CLOSE_FILES,
  ENFILE: CLOSE_FILES,
  ECONNREFUSED: CHECK_ADDRESS,
  ECONNRESET: CHECK_ADDRESS,
  EPIPE: CHECK_ADDRESS,
  ETIMEDOUT: CHECK_ADDRESS,
  EHOSTUNREACH: CHECK_ADDRESS,
  ENETUNREACH: CHECK_ADDRESS,
  ENOTFOUND: CHECK_ADDRESS,
  EAI_AGAIN: CHECK_ADDRESS,
};

/** Primary result codes of SQLite (sqlite.org/rescode.html) that do not depend on the statement, as the system names them. */
const SQLITE: Readonly<Record<number, string>> = { 3: 'EPERM', 8: 'EROFS', 10: 'EIO', 13: 'ENOSPC', 14: 'EACCES' };

/**
 * The fault of the environment that an error reports: a disk, a file, a server. Null where the call is at fault, or nothing is known of
 * it. The one owner of that distinction.
 */
export function environmentFault(error: unknown): EnvironmentFault | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (isHeadraceError(at))
      return isOfEnvironment(at.code) ? { code: at.code, message: at.message, hint: at.hint } : null;
    const code = systemCode(at);
    const hint = code === null ? undefined : SYSTEM[code];
    if (code !== null && hint !== undefined) return { code, message: at.message, hint };
  }
  return null;
}

/** Whether a disk had no room for a write. */
export function isDiskFull(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function isOfEnvironment(code: ErrorCode): boolean {
  const { exit, status }: ErrorRow = catalogue[code];
  return EXITS.includes(exit) && status >= 500 && !OF_THE_CALL.has(code);
}

/** The error code of the system; null where the error has none. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ('errcode' in error) return SQLITE[Number(error.errcode) & 0xff] ?? null;
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}
