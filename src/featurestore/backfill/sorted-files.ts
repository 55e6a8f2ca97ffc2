import { rmSync } from 'node:fs';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { parquetRelation } from '../parquet-relation.ts';
import type { KeySlices } from './key-slices.ts';
import type { Sort } from './tiles-by-key.ts';

/** Sorts where rows are read: a slice of the keys after the other. */
export function sortInPlace(offline: OfflineStore, slices: KeySlices): Sort {
  return async (sql, order) => {
    const begun = slices.each(async (where) => {
      const rest = offline.query(sortedSql(sql, order, where))[Symbol.asyncIterator]();
      return { rest, first: await rest.next() };
    });
    return rowsOf(begun);
  };
}

type Rows = Awaited<ReturnType<Sort>> extends AsyncIterable<infer R> ? R : never;

interface Begun {
  readonly rest: AsyncIterator<Rows>;
  readonly first: IteratorResult<Rows>;
}

async function* rowsOf(slices: AsyncIterable<Begun>): AsyncGenerator<Rows> {
  for await (const { rest, first } of slices)
    try {
      for (let some = first; some.done !== true; some = await rest.next()) yield some.value;
    } finally {
      await rest.return?.();
    }
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
      const written = slices.each(async (where) => {
        const path = `${this.#prefix}sorted-${this.#paths.length}.parquet`;
        this.#paths.push(path);
        await this.#offline.exportParquet(sortedSql(sql, order, where), path);
        return path;
      });
      for await (const path of written) paths.push(path);
      return this.#offline.query(`FROM ${parquetRelation(paths)}`);
    };
  }

  remove(): void {
    for (const path of this.#paths) rmSync(path, { force: true });
  }
}
