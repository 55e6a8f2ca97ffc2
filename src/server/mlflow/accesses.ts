import type { RouteAccess } from '../route-access.ts';

const TAG = 'to set or delete a tag `headrace.*`';

/** The scopes that routes need, and the changes that they make. `read` is needed in addition to find what one writes to. */
export const accesses = {
  open: { scopes: null, changes: null },
  reads: { scopes: ['read'], changes: null },
  logs: { scopes: ['registry'], changes: 'values' },
  tagsValues: { scopes: ['registry'], changes: 'values', more: { promote: TAG } },
  tracks: { scopes: ['registry'], changes: 'runs' },
  tagsRuns: { scopes: ['registry'], changes: 'runs', more: { promote: TAG } },
  describes: { scopes: ['registry'], changes: 'versions' },
  registers: { scopes: ['registry'], changes: 'versions', more: { code: 'if the version is a program' } },
  tagsVersions: { scopes: ['registry'], changes: 'versions', more: { promote: TAG } },
  promotes: { scopes: ['promote'], changes: 'standing' },
  uploads: { scopes: ['artifacts'], changes: 'files' },
  erases: { scopes: ['promote'], changes: 'files' },
  looks: { scopes: ['admin'], changes: null },
  administers: { scopes: ['admin'], changes: 'webhooks' },
} as const satisfies Readonly<Record<string, RouteAccess>>;
