import type { z } from 'zod';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import type { RegistryBackEnd, RegistryFact, RegistryPlace } from '../../ports/registry-back-end.ts';
import { postgresOptions } from './options.ts';
import { PostgresDatabase } from './postgres-database.ts';

/** The tables of an environment in a schema of a database. Errors: REGISTRY_*, CONFIG_SECRET, CONFIG_TLS. */
export const postgresRegistry: BackEndRow<
  z.output<typeof postgresOptions>,
  RegistryPlace,
  RegistryBackEnd,
  RegistryFact
> = {
  kind: 'postgres',
  folder: 'postgres',
  is: 'tables in a schema of PostgreSQL',
  options: postgresOptions,
  facts: ['shared'],
  open: ({ url, schema, password, ca }, { secretOf, pemOf }) => ({
    openTables: ({ formatTable, schema: tables, connections }) =>
      PostgresDatabase.open(
        {
          url,
          schema,
          formatTable,
          connections,
          password: password === undefined ? null : secretOf(password, 'registry.password'),
          ca: ca === undefined ? null : (pemOf({ ca }).ca ?? null),
        },
        tables,
      ),
    mayHave: () => true,
    monitors: null,
  }),
};
