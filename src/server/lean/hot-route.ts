import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { OpenSpan } from '../../base/tracer.ts';
import type { Scope } from '../../operating/scopes.ts';
import type { RequestHead } from './request-head.ts';
import type { LeanResponse } from './response.ts';

/** Has the signal that is aborted when a client goes away. It is made when it is first asked for: reads never ask. */
export type Gone = Pick<AbortController, 'signal'>;

/** Of a request what its answer goes by. */
export type HotRequest = Omit<RequestHead, 'host' | 'bodyBytes'>;

/** How a hot route answers at one value of its parameter. */
export interface HotAnswer {
  /** The value. */
  readonly name: string;
  /** Whether there are more requests than can be answered, and this one must come back; it is counted then. Never throws. */
  readonly turnsAway: () => boolean;
  /**
   * The whole response to a request whose caller has been checked; `caller` is the id of its key. `gone`: when the client goes away.
   * Errors: coded ones.
   */
  readonly answer: (
    head: HotRequest,
    body: string,
    trace: OpenSpan | null,
    caller: string,
    gone: Gone,
  ) => MaybePromise<LeanResponse>;
}

/**
 * The whole response to a request with bytes; `caller` is the id of its key. `gone`: when the client goes away.
 * Errors: coded ones.
 */
export type BytesAnswer = (
  head: HotRequest,
  body: Uint8Array,
  caller: string,
  gone: Gone,
  trace: OpenSpan | null,
) => Promise<LeanResponse>;

/** How the lean reader answers requests that run models, whatever the model. */
export interface BytesRoute {
  readonly route: string;
  readonly scopes: readonly Scope[] | null;
  readonly answer: BytesAnswer;
}

/** A path that the lean reader answers. */
export interface HotRoute extends Omit<HotAnswer, 'name'> {
  readonly path: string;
  /** As the full server names it. */
  readonly route: string;
  readonly scopes: readonly Scope[] | null;
}
