import { embeddedRegistry } from '../../backends/embedded/back-ends.ts';
import { postgresRegistry } from '../../backends/postgres/back-end.ts';
import type { Environment } from '../../environment/config.ts';
import { type BackEndTable, openRow } from '../../ports/back-end-row.ts';
import type { RegistryBackEnd, RegistryFact, RegistryPlace } from '../../ports/registry-back-end.ts';
import { pemOf, secretOf } from '../secrets.ts';

export const registries: BackEndTable<Environment['registry'], RegistryPlace, RegistryBackEnd, RegistryFact> = {
  embedded: embeddedRegistry,
  postgres: postgresRegistry,
};

/** Where the tables of an environment are. */
export function registryOf({ directory, registry }: Pick<Environment, 'directory' | 'registry'>): RegistryBackEnd {
  return openRow(registries, registry, { directory, secretOf, pemOf });
}
