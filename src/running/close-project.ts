import { type Closing, closingWithin } from '../base/closing.ts';
import { fail } from '../base/errors/fail.ts';
import type { OpenProject } from './opened-project.ts';

export interface CloseOptions {
  /** How long closing may take, ms; default: as long as it needs. */
  readonly withinMs?: number;
}

/**
 * Writes what was accepted to every store and closes them. Where all of it is written, steps that do not end in time are reported as
 * CLOSE_LATE and left to the end of the process. Error: CLOSE_UNFINISHED.
 */
export async function closeProject(
  { topics, parts, site, onFault }: OpenProject,
  { withinMs = Number.POSITIVE_INFINITY }: CloseOptions,
): Promise<void> {
  const closing = closingWithin(withinMs);
  // Events that they have taken are flushed with the rest.
  await closing.work('topics of other services', () => topics.stop());
  for (const part of parts) await closing.work(part.name, () => part.flush());
  // In reverse order: a part may use those before it. The log closes after everything that reads it.
  for (const part of parts.toReversed()) await closing.end(part.name, () => part.close());
  const left = parts.flatMap((part) => part.left());
  await site.close(closing);
  const { failure, late } = closing;
  if (left.length > 0 && (failure !== null || late.length > 0)) throw unfinished(closing, left, withinMs);
  if (failure !== null) throw failure;
  if (late.length > 0) onFault(fail('CLOSE_LATE', { steps: [...new Set(late)], seconds: withinMs / 1_000 }));
}

/** The error of a closed project that did not write everything. */
function unfinished({ failure, late }: Closing, left: readonly string[], withinMs: number): Error {
  const reason = failure?.message ?? `${late.join(', ')} did not end within ${withinMs / 1_000} s`;
  return fail('CLOSE_UNFINISHED', { left, reason }, failure);
}
