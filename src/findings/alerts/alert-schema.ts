import type { SqlDialect, SqlSchema } from '../../ports/sql-database.ts';

const FORMAT = 2;

/** Conditions of partial indexes: a query finds its index by the same words. */
export const PENDING = "state IN ('waiting', 'repeating')";
export const UNSETTLED = "state IN ('waiting', 'dead')";

/** In PostgreSQL the tables share a schema with others; in SQLite they have their own file. */
export function alertTables(dialect: SqlDialect['name']) {
  const prefix = dialect === 'sqlite' ? '' : 'alert_';
  return {
    incidents: `${prefix}incidents`,
    deliveries: `${prefix}deliveries`,
    silences: `${prefix}silences`,
    counts: `${prefix}counts`,
    sent: `${prefix}sent`,
  } as const;
}

/** Tables of incidents, their deliveries and silences. `over` is the instant of the resolution, 0 until then. Times are ms. */
export const alertSchema: SqlSchema = {
  format: FORMAT,
  create: (dialect) => [...format1(dialect), ...columnsOfFormat2(dialect), ...indexesOfFormat2(dialect)],
  upgrade: (from, dialect) =>
    from === 1
      ? [...namesOfFormat1(dialect), ...columnsOfFormat2(dialect), filled(dialect), ...indexesOfFormat2(dialect)]
      : [],
};

/** The first files had shorter names of indexes. */
function namesOfFormat1(dialect: SqlDialect['name']): readonly string[] {
  if (dialect !== 'sqlite') return [];
  return [...['one_open', 'by_end', 'by_time'].map((name) => `DROP INDEX IF EXISTS ${name}`), ...firstIndexes(dialect)];
}

function firstIndexes(dialect: SqlDialect['name']): readonly string[] {
  const { incidents, deliveries } = alertTables(dialect);
  return [
    `CREATE UNIQUE INDEX IF NOT EXISTS ${incidents}_one_open ON ${incidents} (fingerprint) WHERE over = 0`,
    `CREATE INDEX IF NOT EXISTS ${incidents}_by_end ON ${incidents} (over)`,
    `CREATE INDEX IF NOT EXISTS ${deliveries}_by_time ON ${deliveries} (sink, due)`,
  ];
}

function format1(dialect: SqlDialect['name']): readonly string[] {
  const { incidents, deliveries, silences, counts, sent } = alertTables(dialect);
  const [whole, id, end] =
    dialect === 'sqlite'
      ? ['INTEGER', 'INTEGER PRIMARY KEY AUTOINCREMENT', ' STRICT']
      : ['BIGINT', 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY', ''];
  return [
    `CREATE TABLE ${incidents} (no ${id}, fingerprint TEXT NOT NULL, over ${whole} NOT NULL, body TEXT NOT NULL)${end}`,
    `CREATE TABLE ${deliveries} (incident ${whole} NOT NULL REFERENCES ${incidents} (no), sink TEXT NOT NULL,
      digest ${whole} NOT NULL, wanted ${whole} NOT NULL, accepted ${whole} NOT NULL, tried ${whole} NOT NULL,
      state TEXT NOT NULL, due ${whole} NOT NULL, taken ${whole} NOT NULL, attempts ${whole} NOT NULL,
      failing ${whole}, error TEXT, PRIMARY KEY (incident, sink))${end}`,
    ...firstIndexes(dialect),
    `CREATE TABLE ${silences} (id ${id}, until ${whole} NOT NULL, body TEXT NOT NULL)${end}`,
    `CREATE TABLE ${counts} (sink TEXT NOT NULL, outcome TEXT NOT NULL, count ${whole} NOT NULL,
      PRIMARY KEY (sink, outcome))${end}`,
    `CREATE TABLE ${sent} (sink TEXT NOT NULL, at ${whole} NOT NULL)${end}`,
    `CREATE INDEX ${sent}_by_time ON ${sent} (sink, at)`,
  ];
}

/** An incident names its model and kind, so that a page of a million is read without the others. */
function columnsOfFormat2(dialect: SqlDialect['name']): readonly string[] {
  const { incidents } = alertTables(dialect);
  return ['model', 'kind'].map((column) => `ALTER TABLE ${incidents} ADD COLUMN ${column} TEXT NOT NULL DEFAULT ''`);
}

function filled(dialect: SqlDialect['name']): string {
  const of = (key: string) => (dialect === 'sqlite' ? `json_extract(body, '$.${key}')` : `body::json->>'${key}'`);
  return `UPDATE ${alertTables(dialect).incidents} SET model = ${of('model')}, kind = ${of('kind')}`;
}

/** Settled deliveries are in no index but that of their incident: what is due or unsettled is found among a million of them. */
function indexesOfFormat2(dialect: SqlDialect['name']): readonly string[] {
  const { incidents, deliveries } = alertTables(dialect);
  return [
    `DROP INDEX ${deliveries}_by_time`,
    `CREATE INDEX ${deliveries}_pending ON ${deliveries} (sink, due) WHERE ${PENDING}`,
    `CREATE INDEX ${deliveries}_unsettled ON ${deliveries} (incident, sink) WHERE ${UNSETTLED}`,
    `CREATE INDEX ${incidents}_open ON ${incidents} (no) WHERE over = 0`,
    `CREATE INDEX ${incidents}_by_model ON ${incidents} (model, no)`,
    `CREATE INDEX ${incidents}_by_kind ON ${incidents} (kind, no)`,
    `CREATE INDEX ${incidents}_by_both ON ${incidents} (model, kind, no)`,
  ];
}
