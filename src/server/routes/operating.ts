import { z } from 'zod';
import { readKeys } from '../../operating/api-keys.ts';
import { newestAudited } from '../../operating/audit-log.ts';
import { backupsOf } from '../../operating/backups-of.ts';
import { SCOPES } from '../../operating/scopes.ts';
import { parsedQuery } from '../body.ts';
import { json, jsonAnswer, type WriteRoute } from '../route.ts';

const instant = z.int().describe('epoch milliseconds (UTC)');

const reads = {
  method: 'GET',
  tag: 'admin',
  scopes: ['admin'],
  changes: null,
  access: 'writes',
} as const;

const key = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: instant,
  revokedAt: instant.nullable(),
});

/** The keys of the environment, without their texts, which nobody but their owners has. */
export const listKeys: WriteRoute = {
  ...reads,
  path: '/v1/admin/keys',
  operationId: 'listKeys',
  page: { takes: '', answers: '`{keys}`: ids, names and scopes, revoked ones too; never a text' },
  errors: ['KEYS_FILE'],
  shapes: (_, define) => [
    {
      summary: 'The keys of the environment and their scopes.',
      answers: { 200: json(define('Keys', z.object({ keys: z.array(key) }))) },
    },
  ],
  run: ({ headrace }) =>
    jsonAnswer({
      keys: readKeys(headrace.directory).map(({ sha256: _, ...shown }) => shown),
    }),
};

/** Lines of the audit log at most. */
const MOST_LINES = 1_000;

const auditQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_LINES).default(100).describe('lines at most'),
});

const line = z.object({
  at: z.string().describe('ISO 8601, UTC'),
  who: z.string(),
  what: z.string(),
  target: z.string(),
  outcome: z.string().describe('`done`, or the code of the error'),
});

/** The newest administrative calls and their outcomes. */
export const readAudit: WriteRoute = {
  ...reads,
  path: '/v1/admin/audit',
  operationId: 'readAudit',
  page: { takes: '`?limit=`: 100, at most 1,000', answers: '`{lines}`: the newest lines of the audit log' },
  query: auditQuery,
  errors: [],
  shapes: (_, define) => [
    {
      summary: 'The newest administrative calls and their outcomes.',
      answers: { 200: json(define('Audit', z.object({ lines: z.array(line) }))) },
    },
  ],
  run: ({ headrace }, { query }) => {
    const { limit } = parsedQuery(auditQuery, { ...Object(query) });
    return jsonAnswer({ lines: newestAudited(headrace.directory, limit) });
  },
};

/** Backups that are listed: the newest. */
const MOST_BACKUPS = 20;

const backup = z.object({
  folder: z.string(),
  madeAt: instant.nullable().describe('null: it is not there now, or damaged'),
  files: z.int(),
  bytes: z.int(),
});

/** The newest backups that were made of the environment. */
export const listBackups: WriteRoute = {
  ...reads,
  path: '/v1/admin/backups',
  operationId: 'listBackups',
  page: { takes: '', answers: '`{backups}`: the newest 20 that the audit log names, and whether they are there' },
  errors: [],
  shapes: (_, define) => [
    {
      summary: 'The newest backups of the environment.',
      answers: { 200: json(define('Backups', z.object({ backups: z.array(backup) }))) },
    },
  ],
  run: ({ headrace }) =>
    jsonAnswer({
      backups: backupsOf(headrace.directory)
        .take(MOST_BACKUPS)
        .map(({ folder, manifest }) => ({
          folder,
          madeAt: manifest?.madeAt ?? null,
          files: manifest?.files.length ?? 0,
          bytes: manifest?.files.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0,
        }))
        .toArray(),
    }),
};
