import { rmSync } from 'node:fs';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { parquetRelation } from '../parquet-relation.ts';
import type { Sort } from './tiles-by-key.ts';

/** Sorts queries one after the other into files, so that many can be read next to each other within the memory of one sort. */
export class SortedFiles {
  readonly #offline: OfflineStore;
  readonly #scratch: string | undefined;
  readonly #paths: string[] = [];

  /** `scratch`: prefix of the files; undefined: each query is sorted where it is read. */
  constructor(offline: OfflineStore, scratch: string | undefined) {
    this.#offline = offline;
    this.#scratch = scratch;
  }

  readonly sort: Sort = async (sql) => {
    if (this.#scratch === undefined) return sql;
    const path = `${this.#scratch}sorted-${this.#paths.length}.parquet`;
    this.#paths.push(path);
    await this.#offline.exportParquet(sql, path);
    return `FROM ${parquetRelation([path])}`;
  };

  remove(): void {
    for (const path of this.#paths) rmSync(path, { force: true });
  }
}
