import type { EventSourceData } from '../../../src/features/define/declaration.ts';
import type { RowsOf } from '../../../src/featurestore/ingest/source-rows.ts';
import { SourceVerdicts } from '../../../src/featurestore/materialise/source-verdicts.ts';
import type { RecordVerdicts } from '../../../src/ports/record-verdicts.ts';
import type { MemoryEventLog } from '../../memory/event-log.ts';

/** Accepts every record. */
export const acceptAll: RecordVerdicts = {
  of: (_partition, _from, count) => Array.from({ length: count }, () => ({ verdict: 'accepted' })),
  neededFrom: async (next) => next,
};

/** The verdicts on all that is in a log in memory, by the rule of the source. */
export function verdictsIn(
  log: MemoryEventLog,
  topic: string,
  source: EventSourceData,
  rowsOf: RowsOf,
): RecordVerdicts {
  const judgedTo = () => log.ends(topic).map(({ end }) => end);
  return new SourceVerdicts({ log, rowsOf, sources: [source], judgedTo }).readerOf(source);
}
