import type { SqliteFileKind } from '../sqlite-file.ts';

const FORMAT = 1;

/** "HRal". */
const APPLICATION = 0x48_52_61_6c;

/** `over` is the instant of the resolution, 0 until then. `digest` and times are ms. */
const TABLES = `
  CREATE TABLE incidents (no INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, over INTEGER NOT NULL,
    body TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX one_open ON incidents (fingerprint) WHERE over = 0;
  CREATE INDEX by_end ON incidents (over);
  CREATE TABLE deliveries (incident INTEGER NOT NULL REFERENCES incidents (no), sink TEXT NOT NULL, digest INTEGER NOT NULL,
    wanted INTEGER NOT NULL, accepted INTEGER NOT NULL, tried INTEGER NOT NULL, state TEXT NOT NULL, due INTEGER NOT NULL, taken INTEGER NOT NULL,
    attempts INTEGER NOT NULL, failing INTEGER, error TEXT, PRIMARY KEY (incident, sink)) STRICT;
  CREATE INDEX by_time ON deliveries (sink, due);
  CREATE TABLE silences (id INTEGER PRIMARY KEY AUTOINCREMENT, until INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE TABLE counts (sink TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (sink, outcome)) STRICT;
  CREATE TABLE sent (sink TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE INDEX sent_by_time ON sent (sink, at);
`;

/** The file of incidents, their deliveries and silences. */
export const alertTables: SqliteFileKind = {
  application: APPLICATION,
  format: FORMAT,
  tables: TABLES,
  codes: { file: 'ALERT_FILE', format: 'ALERT_FORMAT', write: 'ALERT_WRITE', busy: 'ALERT_BUSY' },
};
