import type { Clock } from '../../base/time.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { Judge } from '../../findings/judge.ts';
import { rolloutOutcomes } from '../../monitoring/labels/rollout-outcomes.ts';
import { journalIncidents } from '../../playbook/journal-incidents.ts';
import { ProjectPlaybooks, type WorldOf } from '../../playbook/project-playbooks.ts';
import type { IncidentPort } from '../../ports/incident.ts';
import { referenceOf } from '../../running/reference-of-set.ts';
import { worldOf } from '../../running/world-of.ts';
import { registryVersions } from '../../serving/rollout/rolled-versions.ts';
import { newRolloutId, RolloutControl } from '../../serving/rollout/rollout-control.ts';
import { httpHooks } from '../../serving/rollout/rollout-hooks.ts';
import { runtimes } from '../../site/runtimes.ts';
import type { Site, SiteStores } from '../../site/site.ts';
import { TrainingRuns } from '../../training/training-runs.ts';
import { openVersionCache } from '../../versions/cache/open-version-cache.ts';
import { RegisteredVersions } from '../../versions/cache/registered-versions.ts';
import type { CommonOptions } from '../command.ts';
import { historyProgram } from '../serve/history-program.ts';

/** The playbooks of an environment in a process that does not write it. */
export interface OpenPlaybooks {
  readonly playbooks: ProjectPlaybooks;
  readonly worldOf: WorldOf;
  /** Cancels what is under way: the next process does it. */
  stop(): void;
}

const STORES = [
  'artifacts',
  'python',
  'playbooks',
  'registry',
  'rollouts',
  'runtime',
  'upstreams',
  'training',
] as const;

/**
 * Opens the playbooks of a site. They read published history, train in further processes, and change registry, rollouts
 * and journals, which any process may. Errors: those of the stores.
 */
export async function openPlaybooksOf(
  call: CommonOptions,
  site: Site,
  onFault: (error: unknown) => void,
  { incidents, judge }: { readonly incidents: IncidentPort; readonly judge: Judge } = {
    incidents: journalIncidents,
    judge: new Judge(),
  },
): Promise<OpenPlaybooks> {
  site.makeDirectory();
  const stores = { ...(await site.open(...STORES)), withHistory: site.withHistory };
  const { project, environment } = site;
  const { directory } = environment;
  const clock = environmentClock(directory, { keeps: false });
  const playbooks = new ProjectPlaybooks({ project, directory, store: stores.playbooks, clock, onFault });
  const training = new TrainingRuns({
    project,
    stores,
    limits: environment.training,
    features: null,
    referenceOf,
    clock,
    flush: async () => undefined,
  });
  training.writeSetsBy(historyProgram(call, () => undefined));
  const stopping = new AbortController();
  const versions = openVersionCache({ environment, runtimes, clock, onFault });
  const registered = new RegisteredVersions({ ...stores, versions });
  const controlOf = (model: ModelData) => controlFor(model, { ...stores, registered }, clock);
  const { signal } = stopping;
  return {
    playbooks,
    worldOf: worldOf({ ...stores, registered, training, controlOf, incidents, judge, signal }),
    stop: () => stopping.abort(),
  };
}

/** Starts rollouts and ends them; processes that serve follow, judge and promote. */
function controlFor(
  model: ModelData,
  {
    registry,
    rollouts,
    registered,
    withHistory,
  }: Pick<SiteStores<(typeof STORES)[number]>, 'registry' | 'rollouts'> &
    Pick<Site, 'withHistory'> & { readonly registered: RegisteredVersions },
  clock: Clock,
): RolloutControl {
  return new RolloutControl({
    model,
    store: rollouts,
    versions: registryVersions(registry, model.name),
    hooks: httpHooks,
    check: async (version) => {
      const record = await registered.prepared(model.name, version);
      await (await registered.holdPatiently(record, 'playbook')).close();
    },
    unloadable: () => null,
    outcomes: (rollout) => withHistory((history) => rolloutOutcomes(model, history, rollout, clock())),
    changed: async () => undefined,
    settled: async () => undefined,
    clock,
    monotonic: () => performance.now(),
    newId: newRolloutId,
  });
}
