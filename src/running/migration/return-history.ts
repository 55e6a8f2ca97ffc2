import type { EventSourceData } from '../../features/define/declaration.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import { copyDeliveries, publishedUpTo } from '../../operating/migrate/copy-deliveries.ts';
import type { CopyPlace } from '../../operating/migrate/migration-files.ts';
import type { CopiedSource, MigrationOptions } from '../../operating/migrate/migration-options.ts';
import type { MigrationRecord } from '../../operating/migrate/migration-record.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { withHistory } from '../../site/open-history.ts';
import { closeProject } from '../close-project.ts';
import { flushParts, type OpenProject } from '../opened-project.ts';
import { COPIED_AT_ONCE } from './copy-history.ts';
import { copyState } from './copy-state.ts';
import { openEnd, publishEnd } from './environment-ends.ts';
import { sum } from './of-project.ts';

/** Brings the deliveries and the state of the new environment to the old one. Errors: MIGRATE_*, those of the stores. */
export async function returnHistory(
  options: MigrationOptions,
  record: MigrationRecord,
): Promise<readonly CopiedSource[]> {
  const { from, to } = options;
  await publishEnd(options, to, 'MIGRATE_TARGET_RUNS');
  return withHistory(to, async (history) => {
    const old = await openEnd(options, from, 'MIGRATE_SOURCE_RUNS');
    const returned: CopiedSource[] = [];
    try {
      for (const source of options.project.sources) {
        const deliveries = await returnSource({ options, record, history, old }, source);
        returned.push({ source: source.name, deliveries, lost: 0 });
      }
      await flushParts(old.parts);
    } finally {
      await closeProject(old, {});
    }
    await copyState({ options, history, from: to, to: from });
    return returned;
  });
}

interface WayBack {
  readonly options: MigrationOptions;
  readonly record: MigrationRecord;
  /** Of the new environment. */
  readonly history: OfflineStore;
  readonly old: OpenProject;
}

async function returnSource({ options, record, history, old }: WayBack, source: EventSourceData): Promise<number> {
  const { from, to, tell } = options;
  const topic = topicOf(source);
  const upTo = sum(await publishedUpTo(history, source));
  const known = record.returnedOf(topic);
  const place = known ?? {
    next: record.journal.copied[topic]?.ends ?? Array.from({ length: to.partitions }, () => 0),
    ends: (await old.stores.log.ends(topic)).map(({ end }) => end),
  };
  const keep = async (kept: CopyPlace) => {
    record.noteReturned(topic, kept);
    tell(`${source.name}: ${sum(kept.next)} of ${upTo} deliveries are in the old environment`);
  };
  if (known === undefined) await keep(place);
  return copyDeliveries({
    source,
    history,
    log: old.stores.log,
    place,
    keep,
    replay: (_, deliveries) => old.features.replay(source, deliveries),
    // Where several partitions become one, all of them are in one order of their ingest times.
    atOnce: from.partitions === to.partitions ? COPIED_AT_ONCE : Number.POSITIVE_INFINITY,
  });
}
