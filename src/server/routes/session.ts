import { z } from 'zod';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { ownVersion } from '../../environment/own-version.ts';
import { SCOPES, type Scope } from '../../operating/scopes.ts';
import type { RequestCheck } from '../request-check.ts';
import { json, jsonAnswer, type ReadRoute } from '../route.ts';

const session = z.object({
  key: z.string().nullable().describe('id of the key of the caller; null: the server answers everybody on its machine'),
  scopes: z.array(z.enum(SCOPES)).describe('scopes that the caller has'),
  version: z.string().describe('version of the package that serves'),
  labs: z.boolean().describe('whether the server offers the labs of a demo'),
  at: z.int().describe('time of the server, epoch milliseconds (UTC)'),
});

/** The caller as the server sees it. A page shows only the buttons that the caller may press. */
export const readSession: ReadRoute = {
  method: 'GET',
  path: '/v1/session',
  operationId: 'readSession',
  tag: 'operations',
  access: 'reads',
  scopes: [],
  changes: null,
  page: {
    takes: '',
    answers:
      '`{key, scopes, version, labs, at}`: the caller as the server sees it, the version of the server, and whether it offers labs',
  },
  errors: [],
  shapes: (_, define) => [
    { summary: 'The key of the caller and its scopes.', answers: { 200: json(define('Session', session)) } },
  ],
  run: ({ check, labs }, { caller, headers }) => {
    const scopes = SCOPES.filter((scope) => has(check, scope, headers.authorization ?? null));
    return jsonAnswer({ key: caller === '' ? null : caller, scopes, version: ownVersion(), labs, at: Date.now() });
  },
};

function has(check: RequestCheck, scope: Scope, authorization: string | null): boolean {
  try {
    check([scope], authorization);
    return true;
  } catch (error) {
    if (isHeadraceError(error) && error.code === 'AUTH_SCOPE') return false;
    throw error;
  }
}
