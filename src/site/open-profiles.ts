import { hostname } from 'node:os';
import { acquireLock } from '../backends/embedded/lock.ts';
import type { Clock } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { decodeReference } from '../monitoring/monitor/reference.ts';
import type { FrozenBins } from '../monitoring/profile/frozen-bins.ts';
import { handedFolder } from '../monitoring/served/handed-folder.ts';
import { ServedProfiles } from '../monitoring/served/served-profiles.ts';
import { type UnsentCount, UnsentCounts } from '../monitoring/served/unsent-counts.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { HandOver } from '../ports/hand-over.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { OnlineStore } from '../ports/online-store.ts';
import { CHAMPION } from '../registry/champion.ts';
import { lineageOf } from '../registry/lineage.ts';

export interface OpenProfilesOptions {
  readonly clock: Clock;
  /** Whether the same vectors give the same profiles: the chances of sketches come from the name of their process. */
  readonly repeatable?: boolean;
  readonly onFault: (error: unknown) => void;
  /** Counts of rows that left the sketches and are not in the log; left out: there are none. */
  readonly held?: () => readonly UnsentCount[];
}

/** Opens the profiles of the vectors that this process serves; null: the configuration has them off. */
export function openServedProfiles(
  project: ProjectData,
  { directory, profiles }: Environment,
  { clock, repeatable = false, onFault, held }: OpenProfilesOptions,
): ServedProfiles | null {
  if (!profiles.on || project.services.length === 0) return null;
  const host = repeatable ? 'replay' : hostname();
  const own = `${globalThis.process.pid}-${Math.floor(Math.random() * 2 ** 40).toString(36)}`;
  const process = repeatable ? host : `${host}-${own}`;
  const unsent = UnsentCounts.open({ directory, host, process, lock: acquireLock });
  return new ServedProfiles({
    services: project.services,
    everyMs: profiles.everyMs,
    host,
    process,
    clock,
    unsent,
    // A thread drops vectors when it has no time for them.
    ...(repeatable ? { apartFrom: Number.POSITIVE_INFINITY } : {}),
    onFault,
    ...(held === undefined ? {} : { held }),
  });
}

/** The ways on which rows of processes that only read come to the one that writes: a store that they share first, then files. */
export function waysToWriter(online: OnlineStore, { directory }: Environment): readonly [HandOver, ...HandOver[]] {
  const folder = handedFolder(directory);
  return online.handOver === undefined ? [folder] : [online.handOver, folder];
}

/** Sets the bins of the champions' references: the first declared model of a service decides. Errors: those of the stores. */
export async function refreshBins(
  profiles: ServedProfiles,
  project: ProjectData,
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
  known: Map<string, string>,
): Promise<void> {
  const decided = new Set<string>();
  for (const model of project.models) {
    const service = `${model.service.name}@${model.service.version}`;
    if (decided.has(service)) continue;
    const digest = await championReference(model.name, registry);
    if (digest === null) continue;
    decided.add(service);
    if (known.get(service) === digest) continue;
    const [{ columns }] = decodeReference(await artifacts.get(digest)).chunks;
    const bins = new Map<string, FrozenBins>();
    for (const [name, column] of columns) if (column.bins !== null) bins.set(name, column.bins);
    profiles.setBins(service, bins);
    known.set(service, digest);
  }
}

async function championReference(model: string, registry: ModelRegistry): Promise<string | null> {
  const version = await registry.alias(model, CHAMPION);
  if (version === null) return null;
  const record = await registry.versionRecord(model, version);
  return record === null ? null : lineageOf(record).reference;
}
