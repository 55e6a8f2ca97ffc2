import { type ErrorCode, HeadraceError, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';

/** An error of a child as a message to its parent. */
export interface ChildFailure {
  readonly kind: 'failed';
  /** null: of an error that is not catalogued. */
  readonly code: ErrorCode | null;
  readonly facts: HeadraceError['facts'];
  readonly message: string;
}

/** The message of an error. */
export function childFailure(error: unknown): ChildFailure {
  const known = isHeadraceError(error) ? { code: error.code, facts: error.facts } : { code: null, facts: {} };
  return { kind: 'failed', ...known, message: reasonOf(error) };
}

/** The error of a message. */
export function errorOfChild({ code, facts, message }: ChildFailure): Error {
  return code === null ? new Error(message) : new HeadraceError(code, facts);
}
