import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import type { OfflineStore, OfflineValue, TableAppend } from '../../ports/offline-store.ts';
import { decodeProfileRow, PROFILE_TOPIC, type ProfileRow, profileCells } from './profile-row.ts';
import { profileTableOf } from './profile-table.ts';

/** Records read from the log, and published, at once. */
const READ_BATCH = 2_000;

const WRITER = 'profiles';

export interface ProfileHistoryOptions {
  readonly log: EventLog;
  readonly offline: OfflineStore;
  /** Called once with each record of a shared log that cannot be read. */
  readonly unreadable: (error: unknown) => void;
}

/**
 * Fills the tables of profiles from their topic. The place in the log is published with the rows, so that each is there once, over a
 * crash too.
 */
export class ProfileHistory {
  /** Records that cannot be read, since the start. */
  unreadable = 0;
  readonly #options: ProfileHistoryOptions;
  #published: number;
  readonly #inTurn = turnsInOrder();

  private constructor(options: ProfileHistoryOptions, published: number) {
    this.#options = options;
    this.#published = published;
  }

  /** Finds its place; the topic is open. Errors: those of the stores. */
  static async open(options: ProfileHistoryOptions): Promise<ProfileHistory> {
    return new ProfileHistory(options, await placeOf(options));
  }

  /** The first offset that the history has no row of. */
  get published(): number {
    return this.#published;
  }

  /** Publishes the rows that the log has and the history does not. Errors: those of the stores; nothing is lost then. */
  publish(): Promise<void> {
    return this.#inTurn(() => this.#publishAll());
  }

  async #publishAll(): Promise<void> {
    const { log, offline } = this.#options;
    // A publish may fail after its manifest was written: the place in it counts.
    this.#published = await placeOf(this.#options);
    for (;;) {
      const { offset, records } = await log.read(PROFILE_TOPIC, 0, this.#published, READ_BATCH);
      if (records.length === 0) return;
      const rows = records.flatMap((record, i) => this.#read(record, offset + i));
      const end = offset + records.length;
      await offline.publish({
        writer: WRITER,
        position: { [PROFILE_TOPIC]: [end] },
        mode: 'append',
        tables: tablesOf(rows),
      });
      this.#published = end;
    }
  }

  /** Nothing for a record that was blanked. Of a log that others write too, one that cannot be read is passed over and counted. */
  #read(record: LogRecord, offset: number): readonly ProfileRow[] {
    const { log, unreadable } = this.#options;
    try {
      if (record.foreign !== undefined) throw fail('DRIFT_PROFILE', { reason: record.foreign });
      return record.id === '' ? [] : [decodeProfileRow(record.payload)];
    } catch (error) {
      if (!log.capabilities.manyWriters || !isHeadraceError(error)) throw error;
      this.unreadable += 1;
      unreadable(fail('LOG_FOREIGN', { topic: PROFILE_TOPIC, partition: 0, offset, reason: error.message }, error));
      return [];
    }
  }
}

/** After a loss of power the log may end before the place: later records then have offsets that the history knows. */
async function placeOf({ log, offline }: Pick<ProfileHistoryOptions, 'log' | 'offline'>): Promise<number> {
  const [{ begin, end }] = await log.ends(PROFILE_TOPIC);
  return Math.min((await offline.position(WRITER))?.[PROFILE_TOPIC]?.[0] ?? begin, end);
}

function tablesOf(rows: readonly ProfileRow[]): readonly TableAppend[] {
  const byService = new Map<string, ProfileRow[]>();
  for (const row of rows) {
    const own = byService.get(row.service) ?? [];
    own.push(row);
    byService.set(row.service, own);
  }
  return [...byService].map(([service, own]) => {
    const table = profileTableOf(service);
    const columns: OfflineValue[][] = Object.keys(table.columns).map(() => []);
    for (const row of own) for (const [c, cell] of profileCells(row).entries()) columns[c].push(cell);
    return { table, rows: own.length, columns };
  });
}
