import type { EventLog } from '../../ports/event-log.ts';
import type { RecordVerdicts } from '../../ports/record-verdicts.ts';
import type { RecordRange } from './score-records.ts';

/** The input of a stream, with the verdicts on its records. */
export interface JudgedInput {
  readonly log: EventLog;
  readonly inputTopic: string;
  readonly verdicts: RecordVerdicts;
}

/** Up to `count` records of a partition from an offset on, as far as they are judged. Errors: those of the log. */
export async function readJudged(
  { log, inputTopic, verdicts }: JudgedInput,
  partition: number,
  from: number,
  count: number,
): Promise<RecordRange> {
  const { records } = await log.read(inputTopic, partition, from, count);
  const judged = await verdicts.of(partition, from, records.length);
  return { partition, from, records: records.slice(0, judged.length), verdicts: judged };
}
