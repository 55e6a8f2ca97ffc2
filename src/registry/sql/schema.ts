import type { SqlDialect, SqlSchema } from '../../ports/sql-database.ts';

/** Format of the registry's tables. */
const REGISTRY_FORMAT = 3;

/*
 * `owner` is the `no` of the row that a tag, param or file belongs to. A NaN is the value 0 with `nan` 1, so that a point of a metric
 * can be part of a key. Times are epoch ms. Text is ordered by its bytes.
 */
const TABLES: readonly string[] = [
  'experiments (no ID, name TEXT NOT NULL UNIQUE, location TEXT NOT NULL, stage TEXT NOT NULL, created INT NOT NULL, updated INT NOT NULL)',
  keyed('experiment_tags'),
  'runs (no ID, id TEXT NOT NULL UNIQUE, experiment INT NOT NULL, name TEXT NOT NULL, user_name TEXT NOT NULL, status TEXT NOT NULL, started INT, ended INT, uri TEXT NOT NULL, stage TEXT NOT NULL, deleted_at INT)',
  keyed('run_tags'),
  keyed('run_params'),
  'latest_metrics (owner INT NOT NULL, key TEXT NOT NULL, value REAL NOT NULL, nan INT NOT NULL, at INT NOT NULL, step INT NOT NULL, PRIMARY KEY (owner, key)) CLUSTERED',
  'metrics (owner INT NOT NULL, key TEXT NOT NULL, at INT NOT NULL, step INT NOT NULL, value REAL NOT NULL, nan INT NOT NULL, PRIMARY KEY (owner, key, at, step, value, nan)) CLUSTERED',
  'datasets (no ID, experiment INT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, source_type TEXT NOT NULL, source TEXT NOT NULL, schema_text TEXT, profile TEXT, UNIQUE (experiment, name, digest))',
  'run_datasets (owner INT NOT NULL, dataset INT NOT NULL, context TEXT NOT NULL, tags TEXT NOT NULL, PRIMARY KEY (owner, dataset))',
  'run_models (owner INT NOT NULL, direction TEXT NOT NULL, model TEXT NOT NULL, step INT NOT NULL, PRIMARY KEY (owner, direction, model))',
  'logged_models (no ID, id TEXT NOT NULL UNIQUE, experiment INT NOT NULL, name TEXT NOT NULL, uri TEXT NOT NULL, created INT NOT NULL, updated INT NOT NULL, status TEXT NOT NULL, model_type TEXT NOT NULL, source_run TEXT NOT NULL, stage TEXT NOT NULL)',
  keyed('logged_model_tags'),
  keyed('logged_model_params'),
  'logged_model_metrics (owner INT NOT NULL, key TEXT NOT NULL, at INT NOT NULL, step INT NOT NULL, value REAL NOT NULL, nan INT NOT NULL, run TEXT NOT NULL, dataset_name TEXT NOT NULL, dataset_digest TEXT NOT NULL, PRIMARY KEY (owner, key, at, step, value, nan, run, dataset_name, dataset_digest)) CLUSTERED',
  'models (no ID, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL, created INT NOT NULL, updated INT NOT NULL, next_version INT NOT NULL)',
  keyed('model_tags'),
  'versions (no ID, model INT NOT NULL, version INT NOT NULL, user_name TEXT NOT NULL, stage TEXT NOT NULL, description TEXT NOT NULL, source TEXT NOT NULL, run TEXT NOT NULL, run_link TEXT NOT NULL, logged_model TEXT NOT NULL, status TEXT NOT NULL, status_message TEXT NOT NULL, created INT NOT NULL, updated INT NOT NULL, digest TEXT, body TEXT, UNIQUE (model, version))',
  keyed('version_tags'),
  'version_files (owner INT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL, size INT NOT NULL, PRIMARY KEY (owner, path))',
  'version_contents (owner INT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (owner, digest))',
  'aliases (model INT NOT NULL, alias TEXT NOT NULL, version INT NOT NULL, PRIMARY KEY (model, alias))',
  'moves (no ID, model INT NOT NULL, alias TEXT NOT NULL, from_version INT, to_version INT, at INT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL)',
  'gates (model INT NOT NULL, alias TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, people TEXT NOT NULL, valid_ms INT, PRIMARY KEY (model, alias, name))',
  'verdicts (no ID, owner INT NOT NULL, gate TEXT NOT NULL, passed INT NOT NULL, who TEXT NOT NULL, at INT NOT NULL, note TEXT NOT NULL)',
  'artifact_files (path TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL, size INT NOT NULL, at INT NOT NULL)',
  'claims (no ID, digest TEXT NOT NULL, at INT NOT NULL)',
  'holds (holder TEXT NOT NULL, model TEXT NOT NULL, version INT NOT NULL, PRIMARY KEY (holder, model, version))',
  'held_contents (holder TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (holder, digest))',
  'webhooks (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, created INT NOT NULL)',
  'deliveries (no ID, webhook TEXT NOT NULL, body TEXT NOT NULL, attempts INT NOT NULL, due INT NOT NULL)',
];

/**
 * The first characters of a value are enough for an index: PostgreSQL takes no long ones. Parentheses of its own, as PostgreSQL wants
 * them for an expression.
 */
const VALUE_INDEX = '(substr(value, 1, 100))';

const INDEXES: readonly string[] = [
  'runs_by_start ON runs (experiment, stage, started DESC, id)',
  `run_tags_by_value ON run_tags (key, ${VALUE_INDEX})`,
  `run_params_by_value ON run_params (key, ${VALUE_INDEX})`,
  'latest_metrics_by_value ON latest_metrics (key, value)',
  'logged_models_by_experiment ON logged_models (experiment, created)',
  `model_tags_by_value ON model_tags (key, ${VALUE_INDEX})`,
  `version_tags_by_value ON version_tags (key, ${VALUE_INDEX})`,
  'versions_by_stage ON versions (model, stage, version)',
  'versions_by_update ON versions (updated)',
  'versions_by_run ON versions (run)',
  'versions_by_logged_model ON versions (logged_model)',
  'version_contents_by_digest ON version_contents (digest)',
  'artifact_files_by_digest ON artifact_files (digest)',
  'held_contents_by_digest ON held_contents (digest)',
  'claims_by_digest ON claims (digest)',
  'moves_by_model ON moves (model, no)',
  'aliases_by_version ON aliases (model, version)',
  'verdicts_by_version ON verdicts (owner, gate, no)',
  'deliveries_by_time ON deliveries (due)',
];

/** The experiment that every server has, for clients that name none. */
const DEFAULT_EXPERIMENT =
  "INSERT INTO experiments (no, name, location, stage, created, updated) VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 0, 0)";

/** Turns the rows of format 1 into rows of format 2. Format 1 had versions as JSON, aliases and moves by the name of the model. */
const FROM_FORMAT_1: readonly string[] = [
  `INSERT INTO models (name, description, created, updated, next_version)
    SELECT model, '', MIN(json_extract(body, '$.createdAt')), MAX(json_extract(body, '$.createdAt')), MAX(version) + 1
    FROM versions_1 GROUP BY model ORDER BY model`,
  `INSERT INTO versions (model, version, user_name, stage, description, source, run, run_link, logged_model, status, status_message, created, updated, digest, body)
    SELECT m.no, v.version, '', 'None', '', '', '', '', '', 'READY', '', json_extract(v.body, '$.createdAt'), json_extract(v.body, '$.createdAt'), NULL, v.body
    FROM versions_1 v JOIN models m ON m.name = v.model ORDER BY v.model, v.version`,
  ...['artifact', 'parity'].map(
    (part) =>
      `INSERT OR IGNORE INTO version_contents (owner, digest) SELECT no, json_extract(body, '$.${part}') FROM versions`,
  ),
  'INSERT INTO aliases (model, alias, version) SELECT m.no, a.alias, a.version FROM aliases_1 a JOIN models m ON m.name = a.model',
  `INSERT INTO moves (model, alias, from_version, to_version, at, who, why)
    SELECT m.no, o.alias, o.from_version, o.to_version, o.at, '', '' FROM moves_1 o JOIN models m ON m.name = o.model ORDER BY o.id`,
];

/** From format 2 to format 3: an alias has the seal of its version; null: it was set before. */
const FROM_FORMAT_2: readonly string[] = ['ALTER TABLE aliases ADD COLUMN seal TEXT'];

function format2(dialect: SqlDialect['name']): readonly string[] {
  return [
    ...TABLES.map((table) => tableIn(dialect, table)),
    ...INDEXES.map((index) => `CREATE INDEX ${index}`),
    DEFAULT_EXPERIMENT,
  ];
}

/** The tables of the registry. */
export const registrySchema: SqlSchema = {
  format: REGISTRY_FORMAT,
  create: (dialect) => [...format2(dialect), ...FROM_FORMAT_2],
  upgrade: (from, dialect) => {
    if (from === 2) return FROM_FORMAT_2;
    if (from !== 1 || dialect !== 'sqlite') return [];
    const old = ['versions', 'aliases', 'moves'];
    return [
      'PRAGMA defer_foreign_keys = ON',
      ...old.map((table) => `ALTER TABLE ${table} RENAME TO ${table}_1`),
      ...format2(dialect),
      ...FROM_FORMAT_1,
      ...['aliases', 'moves', 'versions'].map((table) => `DROP TABLE ${table}_1`),
    ];
  },
};

function keyed(table: string): string {
  return `${table} (owner INT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (owner, key)) CLUSTERED`;
}

const TYPES: Readonly<Record<SqlDialect['name'], Readonly<Record<string, string>>>> = {
  sqlite: { ID: 'INTEGER PRIMARY KEY AUTOINCREMENT', INT: 'INTEGER', TEXT: 'TEXT', REAL: 'REAL' },
  postgres: {
    ID: 'BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY',
    INT: 'BIGINT',
    TEXT: 'TEXT COLLATE "C"',
    REAL: 'DOUBLE PRECISION',
  },
};

function tableIn(dialect: SqlDialect['name'], table: string): string {
  const clustered = table.endsWith(' CLUSTERED');
  const typed = (clustered ? table.slice(0, -' CLUSTERED'.length) : table).replaceAll(
    /\b(ID|INT|TEXT|REAL)\b/g,
    (type) => TYPES[dialect][type],
  );
  if (dialect === 'postgres') return `CREATE TABLE ${typed}`;
  return `CREATE TABLE ${typed} STRICT${clustered ? ', WITHOUT ROWID' : ''}`;
}
