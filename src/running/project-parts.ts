import type { DiskBudget } from '../featurestore/disk/disk-budget.ts';
import { featureStoreParts } from '../featurestore/feature-store-parts.ts';
import { logPart } from '../featurestore/ingest/log-part.ts';
import { trainingSetsPart } from '../featurestore/training-set/training-sets-part.ts';
import { openClockPart } from '../observe/clock-part.ts';
import { openPart } from '../observe/part-kind.ts';
import { storesPart } from '../observe/stores-part.ts';
import { freeBytes } from '../operating/free-bytes.ts';
import type { Part } from '../ports/part.ts';
import type { StreamOutputs } from '../serving/streaming/outputs/stream-outputs.ts';
import { monitoringParts } from '../site/monitoring-parts.ts';
import { inferencePart } from '../versions/inference-part.ts';
import { pythonPart } from '../versions/python-part.ts';
import type { OpenProject } from './opened-project.ts';

/** The open parts of a project that have figures and health, without those that need the list. */
export type WithParts = Omit<OpenProject, 'parts' | 'forgetting' | 'rowsOf'>;

/** The parts of a project, in the order of flushing. Errors: those of the stores of the monitor. */
export async function projectParts(
  {
    environment,
    clock,
    site,
    stores,
    features,
    models,
    host,
    labels,
    streams,
    profiles,
    appends,
    topics,
    training,
    playbooks,
  }: WithParts,
  { disk, outputs, heap }: { readonly disk: DiskBudget; readonly outputs: StreamOutputs; readonly heap: Part },
): Promise<readonly Part[]> {
  return [
    // First, so that a flush counts their bytes too.
    profiles.part(),
    ...featureStoreParts({ features, disk, topics: () => topics.reports() }),
    heap,
    openPart(storesPart, site.faults),
    openClockPart({ clock, ingested: () => features.facts.ingested() }),
    openPart(trainingSetsPart, () => training.sets),
    openPart(logPart, { untaken: () => appends.untaken, freeBytes: () => freeBytes(environment.directory) }),
    ...models.parts(),
    openPart(pythonPart, { workers: () => stores.python?.workers() ?? [] }),
    openPart(inferencePart, host, { tick: () => host.tick(), close: () => host.close() }),
    playbooks.part(),
    labels.part(),
    ...(await monitoringParts(site, clock())),
    streams.part(),
    outputs.part(),
  ];
}
