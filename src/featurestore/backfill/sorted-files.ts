import { rmSync } from 'node:fs';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { eachFittingSlice, inFittingSlices } from '../../schedule/fitting-slices.ts';
import { parquetRelation } from '../parquet-relation.ts';
import type { KeySlice, KeySlices } from './key-slices.ts';
import type { Sort } from './tiles-by-key.ts';

/** Sorts where rows are read: a slice of the keys after the other. */
export function sortInPlace(offline: OfflineStore, slices: KeySlices): Sort {
  return async (sql, order) =>
    inFittingSlices(slices.all, ({ where }) => offline.query(sortedSql(sql, order, where)), { cut: slices.cut });
}

function sortedSql(sql: string, order: readonly string[], where: string): string {
  return `SELECT * FROM (${sql}) AS of_hops WHERE ${where} ORDER BY ${order.join(', ')}`;
}

/** Sorts queries one after the other into files, so that many can be read next to each other within the memory of one sort. */
export class SortedFiles {
  readonly #offline: OfflineStore;
  readonly #prefix: string;
  readonly #paths: string[] = [];

  /** `prefix`: of the paths of the files. */
  constructor(offline: OfflineStore, prefix: string) {
    this.#offline = offline;
    this.#prefix = prefix;
  }

  /** The files of a query follow each other as the slices of its keys do. */
  by(slices: KeySlices): Sort {
    return async (sql, order) => {
      const paths: string[] = [];
      const write = async ({ where }: KeySlice) => {
        const path = `${this.#prefix}sorted-${this.#paths.length}.parquet`;
        this.#paths.push(path);
        await this.#offline.exportParquet(sortedSql(sql, order, where), path);
        paths.push(path);
      };
      await eachFittingSlice(slices.all, write, { cut: slices.cut });
      return this.#offline.query(`FROM ${parquetRelation(paths)}`);
    };
  }

  remove(): void {
    for (const path of this.#paths) rmSync(path, { force: true });
  }
}
