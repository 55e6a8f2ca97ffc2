import type { EventSourceData } from '../../features/define/declaration.ts';
import { Admission } from '../../features/engine/admission.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import { idsFrom } from './ids-from.ts';
import { rememberIds } from './remember-ids.ts';

/** A source and the log that has it. */
export interface LoggedSource {
  readonly source: EventSourceData;
  readonly log: EventLog;
  readonly rowsOf: RowsOf;
}

/** The rule of a source as it was before an offset of a partition: it judges that partition from there on again. Errors: those of the log. */
export async function admissionBefore(
  { source, log, rowsOf }: LoggedSource,
  partition: number,
  offset: number,
): Promise<Admission> {
  const admission = new Admission(source);
  const ends = await log.ends(topicOf(source));
  const next = ends.map(({ begin }, p) => (p === partition ? offset : begin));
  await rememberIds(log, source, rowsOf(source), admission, next);
  return admission;
}

/** By partition, the first offset whose id matters to the verdicts from `next` on; as it is where `next` is not finite. Errors: those of the log. */
export async function idsNeededFrom(
  { source, log }: Pick<LoggedSource, 'source' | 'log'>,
  next: readonly number[],
): Promise<readonly number[]> {
  const topic = topicOf(source);
  const ends = await log.ends(topic);
  const { memoryMs } = new Admission(source);
  return Promise.all(
    next.map(async (offset, partition) => {
      const begin = ends[partition]?.begin ?? 0;
      if (!Number.isFinite(offset) || offset <= begin) return offset;
      return idsFrom(log, { topic, partition, next: offset, begin }, memoryMs);
    }),
  );
}
