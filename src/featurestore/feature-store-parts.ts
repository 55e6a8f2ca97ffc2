import { openPart } from '../observe/part-kind.ts';
import { readsPart } from '../observe/reads-part.ts';
import type { Part } from '../ports/part.ts';
import { batchPart } from './batch/batch-part.ts';
import type { DiskBudget } from './disk/disk-budget.ts';
import { diskPart } from './disk/disk-part.ts';
import type { FeatureStore } from './feature-store.ts';
import { historyPart } from './history-part.ts';
import { ingestPart } from './ingest/ingest-part.ts';
import type { TopicReport } from './ingest/topic-intake.ts';
import { topicsPart } from './ingest/topics-part.ts';
import { tilesPart } from './materialise/tiles-part.ts';
import { memoryPart } from './memory/memory-part.ts';
import { storePart } from './online/store-part.ts';
import { skewPart } from './skew/skew-part.ts';

/** The parts of a feature store that writes. The first one does the work of the store. */
export function featureStoreParts({
  features,
  disk,
  topics,
}: {
  readonly features: FeatureStore;
  readonly disk: DiskBudget;
  readonly topics: () => readonly TopicReport[];
}): readonly Part[] {
  const { measures, facts } = features;
  return [
    openPart(
      ingestPart,
      {
        measures,
        counters: (source) => facts.counters(source),
        unwritten: () => facts.unwritten(),
        storeTrouble: () => facts.storeTrouble,
      },
      {
        tick: () => features.tick(),
        flush: () => features.flush(),
        close: () => features.close(),
      },
    ),
    openPart(readsPart, { measures, logged: (service) => facts.logged(service) }),
    openPart(batchPart, () => facts.batchHealth()),
    openPart(historyPart, { unstored: () => facts.unstored(), damaged: () => facts.damaged() }),
    openPart(skewPart, { verdicts: () => facts.skewVerdicts(), lost: () => facts.servedLost }),
    openPart(topicsPart, topics),
    openPart(tilesPart, {
      intake: () => facts.intake,
      freshUntil: () => facts.tilesFreshUntil,
      lag: () => facts.lag(),
      unreadable: () => facts.unreadable(),
      topics,
    }),
    openPart(diskPart, disk),
    openPart(memoryPart, () => facts.memory()),
    openPart(storePart, () => facts.storeCheck()),
  ];
}
