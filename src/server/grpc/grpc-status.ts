import { isHeadraceError } from '../../base/errors/fail.ts';
import { oipText } from '../../versions/request/refuse.ts';
import type { GrpcStatus } from './grpc-call.ts';

/** Status codes of gRPC by those of HTTP. */
const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  408: 4,
  409: 10,
  413: 8,
  501: 12,
  503: 14,
};
const INTERNAL = 13;
const RESOURCE_EXHAUSTED = 8;

function codeOf(error: unknown): number {
  return isHeadraceError(error) ? (CODES[error.status] ?? INTERNAL) : INTERNAL;
}

/** An error as the status of a call. */
export function statusOf(error: unknown): GrpcStatus {
  const code = isHeadraceError(error, 'SERVER_HELD') ? RESOURCE_EXHAUSTED : codeOf(error);
  return { code, details: oipText(error) };
}
