import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import { copyDeliveries, firstOffsets, publishedUpTo } from '../../operating/migrate/copy-deliveries.ts';
import type { CopyPlace } from '../../operating/migrate/migration-files.ts';
import type { CopiedSource, MigrationOptions } from '../../operating/migrate/migration-options.ts';
import type { MigrationRecord } from '../../operating/migrate/migration-record.ts';
import { untilNoneBehind } from '../../operating/migrate/until-none-behind.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { engineOf } from '../../site/back-ends/environment-back-ends.ts';
import { withTileJobs } from '../../site/tile-jobs.ts';
import { closeProject } from '../close-project.ts';
import { flushParts, type OpenProject } from '../opened-project.ts';
import { openEnd } from './environment-ends.ts';
import { streamViewsOf, sum } from './of-project.ts';

/** Offsets of each partition that are copied before the place is noted. */
export const COPIED_AT_ONCE = 10_000;

/** Deliveries after which the new environment publishes. */
const PUBLISHED_AFTER = 200_000;

/** Time after which missing tiles of another engine are given up, ms. */
const TILES_WITHIN_MS = 120_000;

/** Both environments of a copy: the published history of the old one, and the open project of the new one. */
interface Ends {
  readonly options: MigrationOptions;
  readonly record: MigrationRecord;
  readonly history: OfflineStore;
  readonly target: OpenProject;
}

/**
 * Replays the published history of the old environment into the new one, until nothing is left or `stopped`. Errors: MIGRATE_*,
 * those of the new stores.
 */
export async function copyHistory(
  options: MigrationOptions,
  record: MigrationRecord,
  history: OfflineStore,
  stopped?: Promise<unknown>,
): Promise<readonly CopiedSource[]> {
  const { project, to, tell } = options;
  const target = await openEnd(options, to, 'MIGRATE_TARGET_RUNS');
  try {
    const ends = { options, record, history, target };
    await mayBegin(ends);
    if (engineOf(to) !== null) {
      const { jobId } = await withTileJobs(project, to, 'change', (jobs) => jobs.deploy());
      tell(`job ${jobId} makes the tiles of the new environment`);
    }
    const copied = await copyRounds(ends, stopped);
    await untilTiles(ends);
    await flushParts(target.parts);
    return copied;
  } finally {
    await closeProject(target, {});
  }
}

/** Copies all sources again and again: the old environment publishes more meanwhile. */
async function copyRounds(ends: Ends, stopped?: Promise<unknown>): Promise<readonly CopiedSource[]> {
  const { options, history } = ends;
  const copied = new Map<string, CopiedSource>();
  let isStopped = false;
  void stopped?.then(() => {
    isStopped = true;
  });
  for (let appended = 1; appended > 0 && !isStopped; ) {
    await history.refresh();
    appended = 0;
    for (const source of options.project.sources) {
      const lost = sum([...(await firstOffsets(history, source)).values()]);
      const deliveries = await copySource(ends, source);
      appended += deliveries;
      const before = copied.get(source.name)?.deliveries ?? 0;
      copied.set(source.name, { source: source.name, deliveries: before + deliveries, lost });
    }
  }
  return [...copied.values()];
}

/** The new log may only have records that the migration wrote. */
async function mayBegin({ options, record, target }: Ends): Promise<void> {
  if (record.journal.opened) return;
  for (const source of options.project.sources) {
    const ends = await target.stores.log.ends(topicOf(source));
    if (ends.some(({ end }) => end > 0)) throw fail('MIGRATE_TARGET', { found: `events of ${source.name} in its log` });
  }
  record.note({ opened: true });
}

async function copySource({ options, record, history, target }: Ends, source: EventSourceData): Promise<number> {
  const topic = topicOf(source);
  const upTo = await publishedUpTo(history, source);
  const place = record.journal.copied[topic] ?? (await firstPlace(options, history, source));
  let unpublished = 0;
  return copyDeliveries({
    source,
    history,
    log: target.stores.log,
    place,
    atOnce: COPIED_AT_ONCE,
    replay: async (_, deliveries) => {
      await target.features.replay(source, deliveries);
      unpublished += deliveries.length;
    },
    keep: async (kept) => {
      record.noteCopied(topic, kept);
      options.tell(`${source.name}: ${sum(kept.next)} of ${sum(upTo)} deliveries of ${options.from.directory} copied`);
      if (unpublished < PUBLISHED_AFTER) return;
      unpublished = 0;
      await flushParts(target.parts);
    },
  });
}

async function firstPlace(
  { from, to }: MigrationOptions,
  history: OfflineStore,
  source: EventSourceData,
): Promise<CopyPlace> {
  const firsts = await firstOffsets(history, source);
  const next = Array.from({ length: from.partitions }, (_, partition) => firsts.get(partition) ?? 0);
  return { next, ends: Array.from({ length: to.partitions }, () => 0) };
}

/** Waits until tiles that are made elsewhere have every delivery. Error: MIGRATE_BEHIND. */
async function untilTiles({ options, target }: Ends): Promise<void> {
  const { intake, makesTiles } = target.features.facts;
  if (makesTiles) return;
  const sources = new Set(streamViewsOf(options.project).map(({ source }) => source));
  const behind = async () => {
    let missing = 0;
    for (const source of sources) {
      const ends = await target.stores.log.ends(topicOf(source));
      if (intake === null) {
        missing += await target.features.missingTiles(
          source,
          ends.map(({ end }) => end),
        );
        continue;
      }
      const done = intake.progress.done.get(source.name) ?? [];
      // The engine reports nothing for empty partitions.
      missing += sum(ends.map(({ begin, end }, p) => (end > begin ? Math.max(0, end - (done[p] ?? 0)) : 0)));
    }
    return missing;
  };
  await untilNoneBehind(behind, TILES_WITHIN_MS, (now) => options.tell(`${now} deliveries are not in the tiles yet`));
}
