import { turnsInOrder } from '../../base/in-turn.ts';
import type { Admission } from '../../features/engine/admission.ts';
import { type Delivery, isBlank } from '../../features/engine/delivery.ts';
import type { RecordVerdict } from '../../ports/record-verdicts.ts';
import { topicOf } from '../ingest/gateway.ts';
import { admissionBefore, type LoggedSource } from './admission-before.ts';
import { readDeliveries } from './log-cursor.ts';

/** Records that are judged at a time: a reader that asks for few has the next ones at hand. */
const AT_ONCE = 4_096;

/** A partition that is judged again: the verdicts on [from, from + verdicts.length), and the rule after them. */
interface Again {
  readonly admission: Admission;
  readonly from: number;
  readonly verdicts: readonly RecordVerdict[];
}

/** Judges records of one source again for a reader far behind the judge. It remembers ids only while the reader is. */
export class JudgedAgain {
  readonly #source: LoggedSource;
  readonly #partitions = new Map<number, Again>();
  readonly #inTurn = turnsInOrder();

  constructor(source: LoggedSource) {
    this.#source = source;
  }

  /** The verdicts on [from, to); `end`: the offset up to which it may judge ahead. Errors: those of the log. */
  of(partition: number, from: number, to: number, end: number): Promise<readonly RecordVerdict[]> {
    return this.#inTurn(() => this.#judged(partition, from, to, end));
  }

  /** The reader has caught up. */
  forget(partition: number): void {
    this.#partitions.delete(partition);
  }

  async #judged(partition: number, from: number, to: number, end: number): Promise<readonly RecordVerdict[]> {
    let again = this.#partitions.get(partition);
    if (again === undefined || from < again.from || from > again.from + again.verdicts.length)
      again = { admission: await admissionBefore(this.#source, partition, from), from, verdicts: [] };
    if (again.from + again.verdicts.length < to) {
      // A rule that failed halfway has judged records twice.
      this.#partitions.delete(partition);
      again = await this.#further(again, partition, from, Math.min(end, Math.max(to, from + AT_ONCE)));
    }
    this.#partitions.set(partition, again);
    return again.verdicts.slice(from - again.from, to - again.from);
  }

  /** Judges up to an offset, and drops the verdicts before `from`. */
  async #further({ admission, ...known }: Again, partition: number, from: number, to: number): Promise<Again> {
    const { source, log, rowsOf } = this.#source;
    const next = known.from + known.verdicts.length;
    const verdicts = known.verdicts.slice(from - known.from);
    const partitions = (await log.ends(topicOf(source))).length;
    const only = (offset: number) => Array.from({ length: partitions }, (_, p) => (p === partition ? offset : 0));
    await readDeliveries(
      log,
      source,
      rowsOf(source),
      only(next),
      (_, offset, deliveries) => {
        for (const [i, delivery] of deliveries.entries())
          verdicts.push(judged(admission, delivery, partition, offset + i));
      },
      only(to),
    );
    return { admission, from, verdicts };
  }
}

function judged(admission: Admission, delivery: Delivery, partition: number, offset: number): RecordVerdict {
  if (isBlank(delivery)) return { verdict: 'blank' };
  const verdict = admission.judge(delivery, partition, offset);
  return verdict === 'duplicate' ? { verdict, first: admission.firstOf(partition) } : { verdict };
}
