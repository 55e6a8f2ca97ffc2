import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Clock } from '../../base/time.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { PROFILE_TOPIC, profileRecord } from './profile-row.ts';

/** Rows of one append: what 300 features hand over stays below what a log takes at once. */
const APPENDED_AT_ONCE = 64;

/** The topic of profiles, as any process of a project writes it. */
export class ProfileTopic {
  readonly #log: EventLog;
  readonly #clock: Clock;
  #last: number;

  private constructor(log: EventLog, clock: Clock, last: number) {
    this.#log = log;
    this.#clock = clock;
    this.#last = last;
  }

  /** Opens the topic, which is made where it is absent. Errors: those of the log. */
  static async open(log: EventLog, clock: Clock): Promise<ProfileTopic> {
    await log.openTopic(PROFILE_TOPIC, 1);
    const [{ lastIngestTs }] = await log.ends(PROFILE_TOPIC);
    return new ProfileTopic(log, clock, lastIngestTs);
  }

  /** Appends rows; all are in the log when this ends. Errors: those of the log. */
  async append(rows: readonly Uint8Array[]): Promise<void> {
    const appends: MaybePromise<number>[] = [];
    this.#last = Math.max(this.#clock(), this.#last);
    for (let from = 0; from < rows.length; from += APPENDED_AT_ONCE) {
      const records = rows.slice(from, from + APPENDED_AT_ONCE).map((row) => profileRecord(row, this.#last));
      appends.push(this.#log.append(PROFILE_TOPIC, 0, records));
    }
    await Promise.all(appends);
  }
}
