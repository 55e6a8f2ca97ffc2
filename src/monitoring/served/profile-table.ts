import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { OfflineTable } from '../../ports/offline-store.ts';

/** Beginning of the names of tables of profiles. */
const PROFILES = 'profiles/';

/**
 * The table of profiles of a service's vectors. A row is one feature of the vectors that one process served in one interval, which
 * [`begins`, `ends`) bounds; several rows may have the same interval, and all of them add up. The row with an empty feature has the
 * counts: `served` vectors, of which `rows` are in the profiles. `texts` are the texts that the profile holds, for forgetting.
 */
export function profileTable(service: Pick<FeatureServiceData, 'name' | 'version'>): OfflineTable {
  return profileTableOf(`${service.name}@${service.version}`);
}

/** The same by the name and version of the service. */
export function profileTableOf(service: string): OfflineTable {
  return {
    name: `${PROFILES}${service}`,
    columns: {
      host: 'STRING',
      process: 'STRING',
      begins: 'BIGINT',
      ends: 'BIGINT',
      feature: 'STRING',
      served: 'BIGINT',
      rows: 'BIGINT',
      texts: 'LIST<STRING>',
      profile: 'BLOB',
    },
  };
}
