import type { EventSourceData } from '../../features/define/declaration.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import type { DeliverySink, JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { RecordVerdict, RecordVerdicts } from '../../ports/record-verdicts.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { idsNeededFrom, type LoggedSource } from './admission-before.ts';
import { JudgedAgain } from './judged-again.ts';
import { VerdictRing } from './verdict-ring.ts';

export interface SourceVerdictsOptions {
  readonly log: EventLog;
  readonly rowsOf: RowsOf;
  /** The sources whose verdicts are asked for. */
  readonly sources: readonly EventSourceData[];
  /** By partition, the offsets below which a source is judged. */
  readonly judgedTo: (source: EventSourceData) => readonly number[];
  /** Verdicts of a partition that are kept at most. */
  readonly most?: number;
}

/**
 * The verdicts of the judge, for readers of the log. It keeps the newest of each partition. Earlier records are judged again for a
 * reader, with the ids that were known before them: the rule is a function of the log.
 */
export class SourceVerdicts implements DeliverySink {
  readonly name = 'verdicts';
  readonly takesAgain = false;
  readonly #options: SourceVerdictsOptions;
  readonly #rings: ReadonlyMap<string, VerdictRing[]>;

  constructor(options: SourceVerdictsOptions) {
    this.#options = options;
    this.#rings = new Map(options.sources.map(({ name }) => [name, []]));
  }

  /** Bytes of memory. */
  get bytes(): number {
    return [...this.#rings.values()].flat().reduce((sum, ring) => sum + (ring?.bytes ?? 0), 0);
  }

  take({ source, partition, offset, deliveries, verdicts, firsts }: JudgedDeliveries): void {
    const rings = this.#rings.get(source.name);
    if (rings === undefined || deliveries.length === 0) return;
    const known = rings[partition];
    const ring = known?.end === offset ? known : new VerdictRing(offset, this.#options.most);
    rings[partition] = ring;
    for (const [i, delivery] of deliveries.entries()) {
      const verdict = verdicts[i];
      if (isBlank(delivery)) ring.push({ verdict: 'blank' });
      else if (verdict !== 'duplicate') ring.push({ verdict });
      else ring.push({ verdict, first: firsts.get(offset + i) ?? offset + i });
    }
  }

  /** The verdicts on a source, for one reader. */
  readerOf(source: EventSourceData): RecordVerdicts {
    const logged: LoggedSource = { ...this.#options, source };
    const again = new JudgedAgain(logged);
    return {
      of: (partition, from, count) => {
        const ring = this.#rings.get(source.name)?.[partition];
        const judgedTo = this.#options.judgedTo(source)[partition] ?? 0;
        const begin = ring?.begin ?? judgedTo;
        if (from < begin) return again.of(partition, from, Math.min(from + count, begin), begin);
        again.forget(partition);
        return ring?.slice(from, Math.min(from + count, ring.end)) ?? NONE;
      },
      neededFrom: (next) => idsNeededFrom(logged, next),
    };
  }
}

const NONE: readonly RecordVerdict[] = [];
