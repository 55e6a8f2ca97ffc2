import { fail } from '../../base/errors/fail.ts';
import type { Silence } from '../../ports/alert-store.ts';

const LONGEST_MS = 90 * 86_400_000;

/** Checks a silence. It ends within 90 days, so that nothing is quiet for ever. Error: ALERT_SILENCE. */
export function newSilence(silence: Omit<Silence, 'id'>): Omit<Silence, 'id'> {
  const { model, kind, slice, fingerprint, from, until, reason } = silence;
  const refuse = (why: string) => fail('ALERT_SILENCE', { reason: why });
  if ([model, kind, slice, fingerprint].every((one) => one === null))
    throw refuse('it names neither a model, a kind, a slice nor a fingerprint');
  if (!(until > from)) throw refuse('it ends before it begins');
  if (until - from > LONGEST_MS) throw refuse('it is longer than 90 days');
  if (reason.trim() === '') throw refuse('it has no reason');
  return silence;
}
