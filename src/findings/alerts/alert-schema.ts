import type { SqlDialect, SqlSchema } from '../../ports/sql-database.ts';

const FORMAT = 1;

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
  create: (dialect) => {
    const { incidents, deliveries, silences, counts, sent } = alertTables(dialect);
    const [whole, id, end] =
      dialect === 'sqlite'
        ? ['INTEGER', 'INTEGER PRIMARY KEY AUTOINCREMENT', ' STRICT']
        : ['BIGINT', 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY', ''];
    return [
      `CREATE TABLE ${incidents} (no ${id}, fingerprint TEXT NOT NULL, over ${whole} NOT NULL, body TEXT NOT NULL)${end}`,
      `CREATE UNIQUE INDEX ${incidents}_one_open ON ${incidents} (fingerprint) WHERE over = 0`,
      `CREATE INDEX ${incidents}_by_end ON ${incidents} (over)`,
      `CREATE TABLE ${deliveries} (incident ${whole} NOT NULL REFERENCES ${incidents} (no), sink TEXT NOT NULL,
        digest ${whole} NOT NULL, wanted ${whole} NOT NULL, accepted ${whole} NOT NULL, tried ${whole} NOT NULL,
        state TEXT NOT NULL, due ${whole} NOT NULL, taken ${whole} NOT NULL, attempts ${whole} NOT NULL,
        failing ${whole}, error TEXT, PRIMARY KEY (incident, sink))${end}`,
      `CREATE INDEX ${deliveries}_by_time ON ${deliveries} (sink, due)`,
      `CREATE TABLE ${silences} (id ${id}, until ${whole} NOT NULL, body TEXT NOT NULL)${end}`,
      `CREATE TABLE ${counts} (sink TEXT NOT NULL, outcome TEXT NOT NULL, count ${whole} NOT NULL,
        PRIMARY KEY (sink, outcome))${end}`,
      `CREATE TABLE ${sent} (sink TEXT NOT NULL, at ${whole} NOT NULL)${end}`,
      `CREATE INDEX ${sent}_by_time ON ${sent} (sink, at)`,
    ];
  },
  upgrade: () => [],
};
