import { createHmac } from 'node:crypto';
import { answerText } from '../../base/read-answer.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { RolloutHook } from '../../features/define/rollout.ts';
import type { Rollout, RolloutEvent } from '../../ports/rollout-store.ts';

/** The answer of a confirm hook. */
export interface Confirmation {
  readonly isConfirmed: boolean;
  readonly reason: string;
}

/** Asks before a rollout continues, and reports its actions. */
export interface RolloutHooks {
  /** Asks whether a rollout may continue; without a hook it may. Never throws: no answer is no confirmation. */
  confirm(
    rollout: Rollout,
    next: { readonly action: 'advance' | 'promote'; readonly reason: string; readonly numbers: unknown },
  ): Promise<Confirmation>;
  /** Delivers an event; throws where it was not accepted. */
  emit(rollout: Rollout, event: RolloutEvent): Promise<void>;
}

const ANSWER_WITHIN_MS = 10_000;
const MOST_ANSWER_BYTES = 65_536;

/**
 * Hooks over HTTP. The body is JSON; with a secret, the header `headrace-signature` is `sha256=` and the HMAC-SHA-256 of
 * the body in hexadecimal. Redirects are not followed: the body is for the declared address alone.
 */
export const httpHooks: RolloutHooks = {
  async confirm({ id, model, champion, candidate, plan }, next) {
    if (plan.confirm === null) return { isConfirmed: true, reason: 'no confirmation is declared' };
    try {
      const answer = await post(plan.confirm, { rollout: id, model, champion, candidate, ...next });
      const body: unknown = JSON.parse(answer);
      const isConfirmed = typeof body === 'object' && body !== null && 'confirm' in body && body.confirm === true;
      const reason = typeof body === 'object' && body !== null && 'reason' in body ? String(body.reason) : '';
      return { isConfirmed, reason: reason === '' ? (isConfirmed ? 'confirmed' : 'the hook did not confirm') : reason };
    } catch (error) {
      return {
        isConfirmed: false,
        reason: `the hook did not answer: ${reasonOf(error)}`,
      };
    }
  },
  async emit({ model, champion, candidate, plan }, event) {
    if (plan.events !== null) await post(plan.events, { model, champion, candidate, ...event });
  },
};

/** Error: a plain one that says why the hook did not accept. */
async function post({ url, secret }: RolloutHook, content: unknown): Promise<string> {
  const body = JSON.stringify(content);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (secret !== undefined) {
    const key = process.env[secret.env];
    if (key === undefined || key === '') throw new Error(`the variable ${secret.env} of its secret is not set`);
    headers['headrace-signature'] = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  }
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const answer = await fetch(url, { method: 'POST', body, headers, signal, redirect: 'error' });
  const text = await answerText(answer.body, MOST_ANSWER_BYTES);
  if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
  return text;
}
