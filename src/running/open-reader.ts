import type { Clock } from '../base/time.ts';
import type { Tracer } from '../base/tracer.ts';
import type { Environment } from '../environment/config.ts';
import { waitingShares } from '../environment/memory-shares.ts';
import { checkDeclaration } from '../environment/place-declaration.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { FeatureReader } from '../featurestore/feature-reader.ts';
import { SampleRoom } from '../featurestore/skew/sampled-rows.ts';
import { openModelHost } from '../serving/models/open-host.ts';
import { mustNotBeLogged } from '../serving/models/tensor-hooks.ts';
import type { ModelHost } from '../serving/oip/model-host.ts';
import { waysToWriter } from '../site/open-profiles.ts';
import { runtimes } from '../site/runtimes.ts';
import { Site } from '../site/site.ts';
import { openVersionCache } from '../versions/cache/open-version-cache.ts';
import { ReaderProfiles } from './reader-profiles.ts';
import { type WorkerPlace, WorkerPredictions } from './worker-predictions.ts';

/** The open parts of a process that reads. */
export interface OpenReader {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly site: Site;
  /** null: nothing is traced. */
  readonly tracer: Tracer | null;
  readonly features: FeatureReader;
  readonly predictions: WorkerPredictions | null;
  readonly profiles: ReaderProfiles;
  readonly host: ModelHost;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** How a process that reads belongs to others. */
export interface ReaderPlace {
  /** Prefix of the names of its logged requests: one for each of the processes that serve a project. */
  readonly names?: string;
  /** The way to the log of the process that writes; left out: there is none, and no prediction is made. */
  readonly worker?: WorkerPlace;
  /** Whether the caller collects rows of profiles; left out: they go to the process that writes by the store or by files. */
  readonly collectsProfiles?: boolean;
}

/** Opens the parts of a process that reads. Errors: READER_VIEW, DECLARATION_*, those of the stores. */
export async function openReaderParts(
  project: ProjectData,
  environment: Environment,
  clock: Clock,
  onFault: (error: unknown) => void,
  { names = `${process.pid.toString(36)}-`, worker, collectsProfiles = false }: ReaderPlace,
): Promise<OpenReader> {
  checkDeclaration(project, environment.directory);
  const site = new Site({ project, environment, clock, onFault });
  let profiles: ReaderProfiles | null = null;
  try {
    const { onlineReader: online, traces } = await site.open('onlineReader', 'traces');
    const tracer = traces?.tracer ?? null;
    const way = collectsProfiles ? null : waysToWriter(online, environment)[0];
    profiles = new ReaderProfiles({ site, way });
    const { memoryBytes, sampleRate } = environment;
    const sampled = new SampleRoom(waitingShares(memoryBytes).historyBytes);
    const onComputeError = (_: unknown, error: unknown) => onFault(error);
    const features = await FeatureReader.open({
      project,
      online,
      memoryBytes,
      sampleRate,
      sampled,
      profiles: profiles.vectors,
      clock,
      names,
      tracer,
      onComputeError,
      onFault,
    });
    const predictions =
      worker === undefined
        ? null
        : await WorkerPredictions.open({
            site,
            features,
            sampled,
            place: worker,
            tracer,
          });
    const host = await openModelHost({
      environment,
      ...(predictions?.hostOptions() ?? {
        registered: null,
        versions: openVersionCache({ environment, runtimes, clock, onFault }),
        checkLog: mustNotBeLogged,
      }),
      // A region that one of several processes knows would be unknown to the next request.
      sharesMemory: false,
      answered: (model, tookMs) => features.measures.predicted(model, tookMs, performance.now()),
      clock,
      onFault,
    });
    await predictions?.serve(host);
    return { project, environment, site, tracer, features, profiles, predictions, host, clock, onFault };
  } catch (error) {
    await profiles?.close();
    await site.close().catch(onFault);
    throw error;
  }
}
