import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import { PROFILE_TOPIC, profileRecord } from './profile-row.ts';

/** Rows of one append: what 300 features hand over stays below what a log takes at once. */
const APPENDED_AT_ONCE = 64;

/** Beginning of the ids of rows that another process handed over. */
const HANDED = 'handed:';
/** Records among which a batch is found that was appended right before an end. */
const RECENT = 16_384;

/** The topic of profiles, as any process of a project writes it. */
export class ProfileTopic {
  readonly #log: EventLog;
  readonly #clock: Clock;

  private constructor(log: EventLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Opens the topic, which is made where it is absent. Errors: those of the log. */
  static async open(log: EventLog, clock: Clock): Promise<ProfileTopic> {
    await log.openTopic(PROFILE_TOPIC, 1);
    return new ProfileTopic(log, clock);
  }

  /** Appends rows; all are in the log when this ends. Rows of a handed batch have its name. Errors: those of the log. */
  async append(rows: readonly Uint8Array[], batch: string | null = null): Promise<void> {
    const appends: MaybePromise<number>[] = [];
    const at = this.#clock();
    for (let from = 0; from < rows.length; from += APPENDED_AT_ONCE) {
      const records = rows.slice(from, from + APPENDED_AT_ONCE).map((row, i): LogRecord => {
        const record = profileRecord(row, at);
        return batch === null ? record : { ...record, id: `${HANDED}${batch}/${from + i}` };
      });
      appends.push(this.#log.append(PROFILE_TOPIC, 0, records));
    }
    await Promise.all(appends);
  }

  /** Rows of handed batches among the last records, by batch: a process that died may have appended a part of one. */
  async recentBatches(): Promise<Map<string, number>> {
    const [{ begin, end }] = await this.#log.ends(PROFILE_TOPIC);
    const batches = new Map<string, number>();
    for (let from = Math.max(begin, end - RECENT); from < end; ) {
      const { offset, records } = await this.#log.read(PROFILE_TOPIC, 0, from, end - from);
      if (records.length === 0) break;
      from = offset + records.length;
      for (const { id } of records) {
        const name = id.startsWith(HANDED) ? id.slice(HANDED.length, id.lastIndexOf('/')) : null;
        if (name !== null) batches.set(name, (batches.get(name) ?? 0) + 1);
      }
    }
    return batches;
  }
}
