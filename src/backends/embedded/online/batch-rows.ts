import type { BatchAnswer, BatchGeneration, StoreNews } from '../../../ports/online-store.ts';
import type { Columns } from '../../../schema/column.ts';
import { rowCodec } from '../../../schema/row-codec.ts';
import type { KeptParts } from './drop-tiles.ts';
import { type EntityRecords, keepParts } from './entity-records.ts';
import type { Entries } from './entries.ts';
import { jsonBytes, jsonEntry } from './json-entry.ts';
import type { KeptRows } from './kept-rows.ts';
import { Changes } from './news.ts';
import type { RowsPlace } from './row-writes.ts';
import { attemptKey, currentKey, recordPlace, rowKey } from './store-keys.ts';
import { numberNames } from './view-numbers.ts';

/** The attempt whose rows a generation has; null: its rows have entries apart, as before format 3. */
type Attempt = number | null;

/** The generations of a batch view, as they stand. */
interface Generations {
  readonly current: BatchGeneration;
  readonly before: BatchGeneration | null;
  /** Left out: null of both. */
  readonly attempts?: { readonly current: Attempt; readonly before: Attempt };
}

/** The last attempt to write a generation of a view, and the generation. */
interface LastAttempt {
  readonly attempt: number;
  readonly generation: number;
}

/** The rows that are needed after a switch; `kept` is null where there are no others. */
export interface Switched {
  readonly kept: KeptParts | null;
  /** The previous generation, if its rows have entries apart; null: no such rows are needed. */
  readonly apart: number | null;
}

/**
 * The generations of batch views and their rows: in the store, and in memory those that were read often. Rows are parts of the records of
 * their keys. Reads are a hot path.
 */
export class BatchRows {
  readonly #entries: Entries;
  readonly #records: EntityRecords;
  readonly #rows: KeptRows;
  readonly #known = new Map<string, Generations>();
  /** Attempts that this writer has begun. */
  readonly #begun = new Map<string, LastAttempt>();

  constructor(entries: Entries, records: EntityRecords, rows: KeptRows) {
    this.#entries = entries;
    this.#records = records;
    this.#rows = rows;
  }

  /** Bytes of the rows in memory, about. */
  get bytes(): number {
    return this.#rows.bytes;
  }

  /** Forgets the remembered rows and generations that the news of another process report. */
  heard(news: StoreNews): void {
    this.#known.clear();
    if (news.changed === null) this.#rows.clear();
    else for (const { viewId, key } of news.changed) this.#rows.delete(viewId, key);
  }

  /** Where rows of a generation go that nobody sees yet. Rows that a dead process has left are of another attempt. */
  begin({ viewId, generation }: BatchGeneration): RowsPlace {
    const begun = this.#begun.get(viewId);
    const { attempts } = this.generations(viewId) ?? {};
    const [last, view] = this.#entries.write(() => {
      const known = begun?.generation === generation ? begun : this.#begin(viewId, generation);
      return [known, numberNames(this.#entries, [viewId])[0]] as const;
    });
    this.#begun.set(viewId, last);
    return { view, attempt: last.attempt, kept: [attempts?.current ?? null, attempts?.before ?? null] };
  }

  #begin(viewId: string, generation: number): LastAttempt {
    const before = jsonEntry<LastAttempt>(this.#entries, attemptKey(viewId));
    const begun = { attempt: (before?.attempt ?? 0) + 1, generation };
    this.#entries.put(attemptKey(viewId), jsonBytes(begun));
    return begun;
  }

  /** Switches to a generation. */
  switchTo(generation: BatchGeneration): Switched {
    const { viewId } = generation;
    const { current: before = null, attempts } = this.generations(viewId) ?? {};
    const beforeBy = attempts?.current ?? null;
    this.#known.delete(viewId);
    this.#rows.drop(viewId);
    const attempt = this.#entries.write(() => {
      const last = jsonEntry<LastAttempt>(this.#entries, attemptKey(viewId));
      // One without rows was never begun.
      const by = (last?.generation === generation.generation ? last : this.#begin(viewId, generation.generation))
        .attempt;
      const next: Generations = { current: generation, before, attempts: { current: by, before: beforeBy } };
      this.#entries.put(currentKey(viewId), jsonBytes(next));
      const changes = new Changes();
      changes.noteGeneration();
      changes.write(this.#entries);
      return by;
    });
    this.#begun.delete(viewId);
    return {
      // No attempt came before the first one.
      kept: attempt === 1 ? null : { viewId, attempts: beforeBy === null ? [] : [beforeBy], from: attempt },
      apart: beforeBy === null ? (before?.generation ?? null) : null,
    };
  }

  /** The generations of a batch view, remembered where it is heard of when they are switched. */
  generations(viewId: string): Generations | null {
    const known = this.#known.get(viewId);
    if (known !== undefined) return known;
    const generations = jsonEntry<Generations>(this.#entries, currentKey(viewId));
    if (generations !== null && this.#records.hears) this.#known.set(viewId, generations);
    return generations;
  }

  /** The values of a key in the current generation; those that are read often are remembered where changes are heard of. */
  row({ current, attempts }: Generations, features: Columns, entity: string): BatchAnswer['values'] {
    const { viewId, generation } = current;
    const attempt = attempts?.current ?? null;
    const run = attempt === null ? generation : -attempt;
    const known = this.#rows.get(viewId, run, entity);
    if (known !== undefined) return known;
    const bytes =
      attempt === null
        ? (this.#entries.get(rowKey(viewId, generation, entity)) ?? null)
        : this.#records.part(entity, viewId, attempt);
    const values = bytes === null ? null : codecOf(features).decode(bytes);
    if (this.#records.hears) this.#rows.read(viewId, run, entity, values);
    return values;
  }

  /** Removes a key from the generations of a view, within a transaction. */
  remove(viewId: string, key: string): void {
    const number = this.#records.numberOf(viewId);
    if (number !== null) keepParts(this.#entries, recordPlace(key), (view) => view !== number);
    const generations = this.generations(viewId);
    for (const known of [generations?.current, generations?.before])
      if (known != null) this.#entries.remove(rowKey(viewId, known.generation, key));
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
