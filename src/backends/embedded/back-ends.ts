import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type {
  BackEndPlace,
  HistoryBackEnd,
  HistoryFact,
  LogBackEnd,
  LogFact,
  OnlineBackEnd,
  OnlineFact,
} from '../../ports/back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import type { RegistryBackEnd, RegistryFact, RegistryPlace } from '../../ports/registry-back-end.ts';
import { openEventLog } from './log/event-log.ts';
import { FileMonitorStore } from './monitor/file-monitor-store.ts';
import { copyOnlineStore } from './online/copy-online-store.ts';
import { openOnlineStore } from './online/online-store.ts';
import { embeddedLogOptions, embeddedOptions, embeddedRegistryOptions } from './options.ts';
import { SqliteDatabase } from './registry/sqlite-database.ts';
import { sqliteKindOf } from './sqlite-kind.ts';

/** Small, so that retention has whole ones to drop. */
const SEGMENT_BYTES = 20_000;

const embedded = { kind: 'embedded', folder: 'embedded' } as const;

type Embedded = z.output<typeof embeddedOptions>;

/** Nothing is left outside the directory. */
const inDirectory = { kind: 'embedded', addresses: [], clear: async () => undefined, lacks: [] } as const;

export const embeddedLog: BackEndRow<z.output<typeof embeddedLogOptions>, BackEndPlace, LogBackEnd, LogFact> = {
  ...embedded,
  is: 'segment files of the directory',
  options: embeddedLogOptions,
  facts: [],
  open: logIn,
};

function logIn(_options: unknown, { directory, durability, onFault }: BackEndPlace): LogBackEnd {
  const path = join(directory, 'log');
  return {
    ...inDirectory,
    open: () =>
      openEventLog({
        path,
        durability,
        onCut: (topic, partition, bytes) => onFault(fail('LOG_CUT', { topic, partition, bytes })),
      }),
    openSmall: () => openEventLog({ path, durability, segmentBytes: SEGMENT_BYTES }),
    forEngines: null,
    openLanes: null,
  };
}

export const embeddedOnline: BackEndRow<Embedded, BackEndPlace, OnlineBackEnd, OnlineFact> = {
  ...embedded,
  is: 'an LMDB file of the directory',
  options: embeddedOptions,
  facts: [],
  open: onlineIn,
};

function onlineIn(_options: unknown, { directory, rowBytes }: BackEndPlace): OnlineBackEnd {
  const path = join(directory, 'online');
  return {
    ...inDirectory,
    open: () => openOnlineStore({ path, rowBytes }),
    openReader: () => openOnlineStore({ path, access: 'read', rowBytes }),
    shares: null,
    failures: null,
    copied: { name: 'online', copyTo: (folder) => copyOnlineStore(path, folder) },
  };
}

/** null: no engine elsewhere computes the tiles. */
export const embeddedEngine: BackEndRow<Embedded, BackEndPlace, null> = {
  ...embedded,
  is: 'the process that serves computes the tiles',
  options: embeddedOptions,
  facts: [],
  open: () => null,
};

export const embeddedHistory: BackEndRow<Embedded, BackEndPlace, HistoryBackEnd, HistoryFact> = {
  ...embedded,
  is: 'DuckDB over Parquet files of the directory',
  options: embeddedOptions,
  facts: [],
  open: () => ({ kind: 'embedded', engine: null }),
};

export const embeddedRegistry: BackEndRow<
  z.output<typeof embeddedRegistryOptions>,
  RegistryPlace,
  RegistryBackEnd,
  RegistryFact
> = {
  ...embedded,
  is: 'SQLite files of the directory',
  options: embeddedRegistryOptions,
  facts: [],
  open: (_, { directory }) => ({
    openTables: ({ name, schema }) =>
      new SqliteDatabase(join(directory, `${name}.sqlite`), schema, { kind: sqliteKindOf(name) }),
    mayHave: (name) => existsSync(join(directory, `${name}.sqlite`)),
    monitors: (state) => new FileMonitorStore(directory, state),
  }),
};
