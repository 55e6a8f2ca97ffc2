import { isLeap, LEAPS_KEPT } from '../../features/engine/admission.ts';
import type { EventLog } from '../../ports/event-log.ts';

/** A place in a partition of the log. */
interface LogPlace {
  readonly topic: string;
  readonly partition: number;
  /** The offset that is judged next. */
  readonly next: number;
  /** The first offset that the log has. */
  readonly begin: number;
}

/**
 * The first offset whose id matters to the verdicts from a place on: those of the last `memoryMs` of ingest time, without its leaps. A
 * clock that was set ahead leaves a leap, and the ids before it matter once it is set back. Errors: those of the log.
 */
export async function idsFrom(
  log: EventLog,
  { topic, partition, next, begin }: LogPlace,
  memoryMs: number,
): Promise<number> {
  const ingestAt = async (offset: number) => (await log.read(topic, partition, offset, 1)).records[0]?.ingestTs;
  let from = next;
  let leftMs = memoryMs;
  for (let leaps = 0; leaps <= LEAPS_KEPT && from > begin; leaps += 1) {
    const last = await ingestAt(from - 1);
    if (last === undefined) return from;
    from = Math.min(from - 1, await log.offsetAtIngest(topic, partition, last - leftMs));
    if (from <= begin) return begin;
    const [first, before] = [await ingestAt(from), await ingestAt(from - 1)];
    if (first === undefined || before === undefined || !isLeap(first - before, memoryMs)) return from;
    leftMs -= Math.max(0, Math.min(leftMs, last - first));
  }
  return from;
}
