import { offlineChangeContracts } from './offline-store/changes.ts';
import { offlineExportContracts } from './offline-store/exports.ts';
import { offlineFileContracts } from './offline-store/files.ts';
import type { OfflineStoreContract } from './offline-store/subject.ts';
import { offlineValueContracts } from './offline-store/values.ts';

export type { OfflineStoreSubject } from './offline-store/subject.ts';

/** Every rule of `ports/offline-store.ts`. */
export const offlineStoreContracts: readonly OfflineStoreContract[] = [
  ...offlineChangeContracts,
  ...offlineValueContracts,
  ...offlineFileContracts,
  ...offlineExportContracts,
];
