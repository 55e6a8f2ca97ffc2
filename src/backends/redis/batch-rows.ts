import { randomBytes } from 'node:crypto';
import type { BatchGeneration, BatchRow } from '../../ports/online-store.ts';
import type { Columns } from '../../schema/column.ts';
import { rowCodec } from '../../schema/row-codec.ts';
import type { Anchors } from './anchors.ts';
import { eachRecordWith } from './each-record.ts';
import { rowName } from './entity-record.ts';
import { putSections, removeSections } from './record-scripts.ts';
import type { RedisLink } from './redis-link.ts';
import { codeOf, type StoreKeys } from './store-keys.ts';

/** A generation and the attempt under which its rows stand: rows of an attempt that died are never seen. */
export interface Run {
  readonly generation: BatchGeneration;
  readonly attempt: string;
}

/**
 * The current runs of a batch view, in field `g<view>` of every anchor, so that they are read together with the rows on any
 * node. If anchors differ, as during a switch, the greatest turn counts.
 */
export interface Runs {
  /** Grows with every switch. */
  readonly turn: number;
  readonly current: Run;
  readonly before: Run | null;
}

/** Characters of the name of an attempt. */
const ATTEMPT_LENGTH = 6;

/** Rows or keys on their way at once. */
const CHUNK = 1_000;

/** Writes and switches the runs of batch views. */
export class BatchRows {
  readonly #link: RedisLink;
  readonly #keys: StoreKeys;
  readonly #anchors: Anchors;
  /** Attempts that this writer has begun, by view and generation. */
  readonly #attempts = new Map<string, string>();

  constructor(link: RedisLink, keys: StoreKeys, anchors: Anchors) {
    this.#link = link;
    this.#keys = keys;
    this.#anchors = anchors;
  }

  async write(generation: BatchGeneration, features: Columns, rows: readonly BatchRow[]): Promise<void> {
    const attempt = this.#attemptOf(generation);
    const { encode } = rowCodec(features);
    const name = rowName(codeOf(generation.viewId), attempt);
    for (let i = 0; i < rows.length; i += CHUNK) {
      const writes = rows.slice(i, i + CHUNK).map((row) => {
        const record = this.#keys.record(row.key);
        return this.#link.eval(putSections, record, [name, Buffer.from(encode(row.values))]);
      });
      await this.#link.within(Promise.all(writes));
    }
  }

  async switchTo(generation: BatchGeneration): Promise<void> {
    const attempt = this.#attemptOf(generation);
    const known = await this.#runs(generation.viewId);
    await this.#place(generation.viewId, {
      turn: (known?.turn ?? 0) + 1,
      current: { generation, attempt },
      before: known?.current ?? null,
    });
    this.#attempts.delete(nameOf(generation));
  }

  async #place(viewId: string, runs: Runs): Promise<void> {
    await this.#anchors.mark([[`g${viewId}`, JSON.stringify(runs)]]);
    const code = codeOf(viewId);
    const kept = [runs.current, runs.before].flatMap((run) => (run === null ? [] : [rowName(code, run.attempt)]));
    const args = ['0', '1', rowName(code), ...kept];
    await eachRecordWith({ link: this.#link, keys: this.#keys }, [rowName(code)], (record) =>
      this.#link.eval(removeSections, record, args),
    );
  }

  async #runs(viewId: string): Promise<Runs | null> {
    return newestRuns(await this.#anchors.field(`g${viewId}`));
  }

  #attemptOf(generation: BatchGeneration): string {
    const name = nameOf(generation);
    const known = this.#attempts.get(name) ?? randomBytes(5).toString('base64url').slice(0, ATTEMPT_LENGTH);
    this.#attempts.set(name, known);
    return known;
  }
}

/** The text that counts, of those on several anchors. */
export function newestRuns(texts: readonly string[]): Runs | null {
  let newest: Runs | null = null;
  for (const text of texts) {
    if (text === '') continue;
    const runs = JSON.parse(text) as Runs;
    if (newest === null || runs.turn > newest.turn) newest = runs;
  }
  return newest;
}

function nameOf({ viewId, generation }: BatchGeneration): string {
  return `${viewId}/${generation}`;
}
