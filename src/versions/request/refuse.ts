import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { Refusals } from './infer-request.ts';

/** A client's mistake. */
export function refuse(reason: string): HeadraceError {
  return fail('OIP_REQUEST', { reason });
}

/** Why a model that answers in pieces is not run by a plain request, in the words that clients look for. */
export const DECOUPLED = "ModelInfer RPC doesn't support models with decoupled transaction policy";

/** A model that the server does not have. */
export function unknownModel(model: string): HeadraceError {
  return fail('OIP_UNKNOWN', { reason: `Request for unknown model: '${model}' is not found` });
}

/** A request that cannot be answered now, and the seconds after which it may be. */
export function unavailable(reason: string, afterS = 1): HeadraceError {
  return fail('OIP_UNAVAILABLE', { reason, afterS });
}

/** The refusals of requests of the protocol. */
export function oipRefusals(model: string): Refusals {
  return {
    full: ({ whose, afterS }) =>
      unavailable(
        `Exceeds maximum queue size${whose === 'caller' ? ' of the caller for' : ' of'} model '${model}'`,
        afterS,
      ),
    late: (afterS) => unavailable('Request timeout expired', afterS),
    left: (afterS) => unavailable('the caller has gone', afterS),
  };
}

/** Text of an error as clients of the protocol read it: they and their tests look for parts of it. */
export function oipText(error: unknown): string {
  if (!isHeadraceError(error)) return 'internal error of the server';
  const { reason } = error.facts;
  const isOwn = error.code.startsWith('OIP_') && error.code !== 'OIP_CONFIG';
  return (isOwn || error.code === 'MODEL_TENSOR') && typeof reason === 'string' ? reason : error.message;
}

/** Seconds that a caller should wait before it tries again. */
export function retryAfterS(error: HeadraceError): number {
  const { afterS } = error.facts;
  return typeof afterS === 'number' ? afterS : 1;
}
