import { preferredCoding } from '../../serving/oip/content-coding.ts';
import type { RouteAnswer, RouteRequest } from '../route.ts';
import type { StaticFile } from './static-files.ts';

/** A page loads from its own server alone, and holds neither inline script nor inline style. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/** Headers of a page, with more rules of its policy. */
export function pageHeaders(rules: readonly string[] = []): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [...POLICY, ...rules].join('; '),
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-cache',
  };
}

/** The answer with a built file, compressed where the caller takes that. */
export function fileAnswer(
  { type, plain, gzip }: StaticFile,
  { 'accept-encoding': accepted }: RouteRequest['headers'],
  headers: Readonly<Record<string, string>>,
): RouteAnswer {
  const zipped = preferredCoding(String(accepted ?? '')) === 'gzip';
  return {
    status: 200,
    type,
    body: zipped ? gzip : plain,
    headers: {
      ...headers,
      'x-content-type-options': 'nosniff',
      vary: 'accept, accept-encoding',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    },
  };
}
