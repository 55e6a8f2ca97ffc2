import type { OfflineStore } from '../../../ports/offline-store.ts';
import type { Contract } from '../contract.ts';

/** The subject: one store that nobody has opened yet. */
export interface OfflineStoreSubject {
  /** Opens the store; every call returns a new handle. */
  readonly open: (access: 'write' | 'read') => Promise<OfflineStore>;
  /** Lets pass as long as files that were taken out of tables are kept. */
  readonly outlastRetired: () => void;
  /** A directory outside the store that exports may be written to. */
  readonly outside: string;
  /** Changes files behind the store's back. */
  readonly files: {
    readonly remove: (path: string) => void;
    readonly truncate: (path: string) => void;
    readonly replace: (path: string, by: string) => void;
  };
}

/** localFiles: the files of `tables()` are paths that the subject can damage. */
export type OfflineStoreNeed = 'localFiles';

export type OfflineStoreContract = Contract<OfflineStoreSubject, OfflineStoreNeed>;
