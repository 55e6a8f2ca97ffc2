import { resolve } from 'node:path';
import type { Clock } from '../../base/time.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { Judge } from '../../findings/judge.ts';
import { rolloutOutcomes } from '../../monitoring/labels/rollout-outcomes.ts';
import { journalIncidents } from '../../playbook/journal-incidents.ts';
import { ProjectPlaybooks, type WorldOf } from '../../playbook/project-playbooks.ts';
import type { IncidentPort } from '../../ports/incident.ts';
import { mustRecord } from '../../registry/must-record.ts';
import { referenceOf } from '../../running/reference-of-set.ts';
import { registryVersions } from '../../serving/rollout/rolled-versions.ts';
import { newRolloutId, RolloutControl } from '../../serving/rollout/rollout-control.ts';
import { httpHooks } from '../../serving/rollout/rollout-hooks.ts';
import type { Site, SiteStores } from '../../site/site.ts';
import { readNumbers } from '../../site/table-files.ts';
import { TrainingRuns } from '../../training/training-runs.ts';
import { loadForScores } from '../../versions/load/load-for-scores.ts';
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
  const worldOf: WorldOf = (model) => {
    const control = controlOf(model, stores, clock);
    return {
      ...stores,
      train: (order) => training.train(model, { ...order, signal: stopping.signal }),
      writeSet: async ({ between, exclude, path }) => {
        const { rows } = await training.writeSet(model, resolve(path), {
          ...between,
          exclude,
          mode: 'as-known',
          signal: stopping.signal,
        });
        return rows;
      },
      startRollout: async (id, version, decision) => {
        await control.start(version, decision, id);
      },
      rollBack: async (decision) => {
        await control.rollBack(decision);
      },
      readNumbers,
      incidents,
      judge,
    };
  };
  return { playbooks, worldOf, stop: () => stopping.abort() };
}

/** Starts rollouts and ends them; processes that serve follow, judge and promote. */
function controlOf(
  model: ModelData,
  {
    registry,
    rollouts,
    artifacts,
    runtime,
    python,
    upstreams,
    withHistory,
  }: SiteStores<(typeof STORES)[number]> & Pick<Site, 'withHistory'>,
  clock: Clock,
): RolloutControl {
  return new RolloutControl({
    model,
    store: rollouts,
    versions: registryVersions(registry, model.name),
    hooks: httpHooks,
    check: async (version) => {
      const record = await mustRecord(registry, model.name, version);
      const { scorer } = await loadForScores(record, { artifacts, runtime, python, upstreams });
      await scorer.close();
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
