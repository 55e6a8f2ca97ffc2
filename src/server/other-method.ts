import type { IncomingMessage, ServerResponse } from 'node:http';
import { fail } from '../base/errors/fail.ts';
import { answerPlain, catalogued } from './error-answer.ts';
import type { KnownPath } from './path-table.ts';
import type { RequestCheck } from './request-check.ts';

/** Answers a method that a known path has no route for: OPTIONS with the methods, any other with SERVER_METHOD. */
export function answerOtherMethod(
  { method = '', url = '', headers }: IncomingMessage,
  response: ServerResponse,
  { allow, isPublic }: KnownPath,
  check: RequestCheck,
): void {
  try {
    check(isPublic ? null : [], headers.authorization ?? null);
  } catch (error) {
    return answerPlain(response, catalogued(error));
  }
  if (method !== 'OPTIONS') return answerPlain(response, fail('SERVER_METHOD', { method, path: url }), { allow });
  response.writeHead(204, { allow });
  response.end();
}
