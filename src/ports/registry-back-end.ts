import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Pem } from './back-end.ts';
import type { MonitorStore } from './monitor-store.ts';
import type { TlsFiles } from './options.ts';
import type { SqlDatabase, SqlSchema } from './sql-database.ts';

/** The tables of one store of an environment. */
export interface TableSet {
  /** Of its file in a directory. */
  readonly name: string;
  /** The table of its format in a database that has the tables of other stores too. */
  readonly formatTable: string;
  readonly schema: SqlSchema;
  /** Connections at most, where there are any. */
  readonly connections: number;
}

/** Where the tables of an environment are: registry, rollouts, journals, incidents, the lease of the monitor. */
export interface RegistryBackEnd {
  /** Errors: those of the database. */
  openTables(tables: TableSet): MaybePromise<SqlDatabase>;
  /** Whether tables may be there; where not, a reader makes none. */
  mayHave(name: string): boolean;
  /** The lease and the state of the monitor in files, of which `state` is one; null: they are tables. */
  readonly monitors: ((state: string) => MonitorStore) | null;
}

/** An environment as the back end of its tables sees it. */
export interface RegistryPlace {
  readonly directory: string;
  /** Error: CONFIG_SECRET. */
  readonly secretOf: (named: { readonly env: string }, option: string) => string;
  /** Error: CONFIG_TLS. */
  readonly pemOf: (files: TlsFiles) => Pem;
}

/** `shared`: hosts that name the same database have one registry, one monitor and one alert book. */
export type RegistryFact = 'shared';
