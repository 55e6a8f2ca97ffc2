/** The scopes of a key. */
export const SCOPES = ['read', 'write', 'registry', 'artifacts', 'code', 'promote', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** The calls that each scope allows, for docs/reference/auth.md. @public */
export const scopeTexts: Readonly<Record<Scope, string>> = {
  read: 'read features, scores, reports, runs, models, artefacts and the training sets of models',
  write: 'send events, and with `read` spines of training sets',
  registry:
    'log experiments, runs and logged models; register models and versions; set tags, but no `headrace.*` tag later',
  artifacts: 'upload artefacts',
  code: 'register versions that are programs, in addition to `registry`',
  promote: 'move aliases and stages; rename and delete models, versions and artefacts; set `headrace.*` tags',
  admin: 'administer a running server; has all other scopes',
};
