import type { BatchAnswer, BatchGeneration, BatchRow, StoreNews } from '../../../ports/online-store.ts';
import type { Columns } from '../../../schema/column.ts';
import { rowCodec } from '../../../schema/row-codec.ts';
import type { Entries } from './entries.ts';
import { jsonBytes, jsonEntry } from './json-entry.ts';
import type { KeptRows } from './kept-rows.ts';
import { Changes } from './news.ts';
import { currentKey, rowKey } from './store-keys.ts';

/** The generations of a batch view, as they stand. */
interface Generations {
  readonly current: BatchGeneration;
  readonly before: BatchGeneration | null;
}

/**
 * The generations of batch views and their rows: in the store, and in memory those that were read. Reads are a hot
 * path.
 */
export class BatchRows {
  /** Whether it learns every change: it changes the store itself, or follows the process that does. */
  #hears: boolean;
  readonly #entries: Entries;
  readonly #rows: KeptRows;
  readonly #known = new Map<string, Generations>();
  /** Generations that this writer has begun. */
  readonly #begun = new Map<string, number>();

  constructor(entries: Entries, rows: KeptRows, isWriter: boolean) {
    this.#entries = entries;
    this.#rows = rows;
    this.#hears = isWriter;
  }

  /** Bytes of the rows in memory, about. */
  get bytes(): number {
    return this.#rows.bytes;
  }

  /** The remembered rows of batch views, as of the commit that the news report. */
  heard(news: StoreNews | null): StoreNews | null {
    this.#hears = true;
    if (news === null) return null;
    this.#known.clear();
    if (news.changed === null) this.#rows.clear();
    else for (const { viewId, key } of news.changed) this.#rows.delete(viewId, key);
    return news;
  }

  /** Whether this writer has begun a generation. */
  hasBegun({ viewId, generation }: BatchGeneration): boolean {
    return this.#begun.get(viewId) === generation;
  }

  begin({ viewId, generation }: BatchGeneration): void {
    this.#begun.set(viewId, generation);
  }

  write({ viewId, generation }: BatchGeneration, features: Columns, rows: readonly BatchRow[]): void {
    const { encode } = rowCodec(features);
    this.#entries.write(() => {
      for (const row of rows) this.#entries.put(rowKey(viewId, generation, row.key), encode(row.values));
    });
  }

  /** Switches to a generation. Returns the previous one; null: there is none. */
  switchTo(generation: BatchGeneration): number | null {
    const { viewId } = generation;
    const before = this.generations(viewId)?.current ?? null;
    this.#forget(viewId);
    this.#entries.write(() => {
      this.#entries.put(currentKey(viewId), jsonBytes({ current: generation, before }));
      const changes = new Changes();
      changes.noteGeneration();
      changes.write(this.#entries);
    });
    return before?.generation ?? null;
  }

  #forget(viewId: string): void {
    this.#known.delete(viewId);
    this.#rows.drop(viewId);
    this.#begun.delete(viewId);
  }

  /** The generations of a batch view, remembered where it is heard of when they are switched. */
  generations(viewId: string): Generations | null {
    const known = this.#known.get(viewId);
    if (known !== undefined) return known;
    const generations = jsonEntry<Generations>(this.#entries, currentKey(viewId));
    if (generations !== null && this.#hears) this.#known.set(viewId, generations);
    return generations;
  }

  /** The values of a key in a generation; those of the current one that are read often are remembered where changes are heard of. */
  row({ viewId, generation }: BatchGeneration, features: Columns, entity: string): BatchAnswer['values'] {
    const known = this.#rows.get(viewId, generation, entity);
    if (known !== undefined) return known;
    const bytes = this.#entries.get(rowKey(viewId, generation, entity));
    const values = bytes === undefined ? null : codecOf(features).decode(bytes);
    if (this.#hears) this.#rows.read(viewId, generation, entity, values);
    return values;
  }

  /** Removes a key from the store's generations of a view, within a transaction. */
  remove(viewId: string, key: string): void {
    const generations = this.generations(viewId);
    const known = [generations?.current.generation, generations?.before?.generation, this.#begun.get(viewId)];
    for (const generation of known) if (generation !== undefined) this.#entries.remove(rowKey(viewId, generation, key));
  }

  /** Drops the rows of a view from memory. */
  forgetRows(viewId: string): void {
    this.#rows.drop(viewId);
  }
}

const codecs = new WeakMap<Columns, ReturnType<typeof rowCodec>>();

function codecOf(features: Columns): ReturnType<typeof rowCodec> {
  const known = codecs.get(features);
  if (known !== undefined) return known;
  const codec = rowCodec(features, 'a batch row');
  codecs.set(features, codec);
  return codec;
}
