import { ROW_AT } from '../featurestore/training-set/training-set.ts';
import { buildReference, encodeReference } from '../monitoring/monitor/reference.ts';
import { openTableFile } from '../site/table-files.ts';

/** The reference of a training set, for the monitors of the version that is trained on it. Errors: those of the file. */
export async function referenceOf(path: string, features: readonly string[], at: number): Promise<Uint8Array> {
  const table = await openTableFile(path);
  try {
    return encodeReference(await buildReference(table, features, { time: ROW_AT, createdAt: at }));
  } finally {
    await table.close();
  }
}
