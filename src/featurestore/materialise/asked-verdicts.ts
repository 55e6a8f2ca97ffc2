import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Verdict } from '../../features/engine/admission.ts';
import type { Verdicts } from '../ingest/ingest-report.ts';

/** Deliveries of a partition whose verdicts a call waits for. */
export interface AskedDeliveries {
  readonly source: EventSourceData;
  readonly partition: number;
  /** Of the first one. */
  readonly offset: number;
  readonly count: number;
}

interface Asked extends AskedDeliveries {
  readonly verdicts: (Verdict | undefined)[];
}

/** Calls that wait for the verdicts on what they appended, while other work judges it. */
export class AskedVerdicts {
  readonly #asked = new Set<Asked>();

  /** The verdicts on deliveries that some work judges; undefined: not judged when the work ended. */
  async after(deliveries: AskedDeliveries, work: () => Promise<void>): Promise<Verdicts> {
    const asked = { ...deliveries, verdicts: new Array<Verdict | undefined>(deliveries.count).fill(undefined) };
    this.#asked.add(asked);
    try {
      await work();
      return asked.verdicts;
    } finally {
      this.#asked.delete(asked);
    }
  }

  /** Hands verdicts to the calls that wait for them. */
  tell(source: EventSourceData, partition: number, offset: number, verdicts: readonly Verdict[]): void {
    for (const asked of this.#asked) {
      if (asked.source !== source || asked.partition !== partition) continue;
      const from = Math.max(asked.offset, offset);
      const to = Math.min(asked.offset + asked.count, offset + verdicts.length);
      for (let at = from; at < to; at += 1) asked.verdicts[at - asked.offset] = verdicts[at - offset];
    }
  }
}
