import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../environment/config.ts';
import type { ModelData, ProjectData } from '../features/define/declaration.ts';
import type { JudgeStores } from '../findings/judge.ts';
import type { Watched } from '../monitoring/monitor/judge-windows.ts';
import { watchedVersion } from '../monitoring/monitor/watched-version.ts';
import type { AliasMove } from '../ports/model-registry.ts';
import type { ModelRuntime } from '../ports/model-runtime.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { PlaybookEntry, PlaybookStore } from '../ports/playbook-store.ts';
import type { PythonRuntime } from '../ports/python-runtime.ts';
import type { RolloutEvent, RolloutStore } from '../ports/rollout-store.ts';
import type { OpenTrainingRun } from '../ports/training-backend.ts';
import { CHAMPION } from '../registry/champion.ts';
import { rolloutEvents } from '../serving/rollout/rollout-events.ts';
import { openHistory, runtimes } from './compose.ts';
import { openArtifacts } from './open-artifacts.ts';
import { trainerProgram, trainingRunsOf } from './open-playbooks.ts';
import { openPython } from './open-python.ts';
import { openPlaybooks, openRegistry, openRollouts, trackingUri } from './open-registry.ts';

/** The inputs of a monitor: published history, champions and their references. It writes its state alone. */
export interface MonitorStores extends JudgeStores {
  /** The published history as of now; the caller closes it. */
  history(): Promise<OfflineStore>;
  /** Champions with their references; models without a champion are left out. */
  watched(): Promise<readonly Watched[]>;
  /** Moves of a model's aliases. */
  moves(model: string): Promise<readonly AliasMove[]>;
  /** Events of the rollouts of a model. Errors: those of the store. */
  rollouts(model: string): Promise<readonly RolloutEvent[]>;
  /** The journal of a model's playbook; empty: it declares none. Errors: PLAYBOOK_*. */
  journal(model: ModelData): Promise<readonly PlaybookEntry[]>;
  close(): Promise<void>;
}

/** Opens the registry and the artefacts wherever the environment has them. Errors: REGISTRY_*, CONFIG_SECRET. */
export async function openMonitor(project: ProjectData, environment: Environment): Promise<MonitorStores> {
  const registry = await openRegistry(environment);
  const artifacts = await openArtifacts(environment);
  return {
    registry,
    artifacts,
    withHistory: historyOf(environment),
    history: () => openHistory(environment),
    watched: async () => {
      const found: Watched[] = [];
      for (const model of project.models) {
        const version = await registry.alias(model.name, CHAMPION);
        if (version === null) continue;
        found.push(await watchedVersion({ registry, artifacts }, model, version));
      }
      return found;
    },
    moves: async (model) => registry.moves(model),
    rollouts: async (model) => {
      const store = await openRollouts(environment);
      try {
        return await rolloutEvents(store, model);
      } finally {
        await store.close();
      }
    },
    journal: async (model) => {
      if (Object.keys(model.playbook).length === 0) return [];
      const store = await openPlaybooks(environment);
      try {
        return await store.entries(model.name);
      } finally {
        await store.close();
      }
    },
    close: async () => {
      await registry.close();
    },
  };
}

/** Opens the published history as of now for each work. */
function historyOf(environment: Environment) {
  return async <T>(work: (history: OfflineStore) => Promise<T>): Promise<T> => {
    const history = await openHistory(environment);
    try {
      return await work(history);
    } finally {
      await history.close();
    }
  };
}

/** The stores of playbooks in a process that does not write the environment. */
export interface PlaybookStores extends JudgeStores {
  readonly rollouts: RolloutStore;
  readonly playbooks: PlaybookStore;
  readonly runtime: ModelRuntime;
  readonly trainer: readonly [string, ...string[]];
  readonly runs: string;
  readonly openRun: OpenTrainingRun;
  /** Where training programs log by a client of MLflow; null: nowhere. */
  readonly tracking: string | null;
  readonly python: PythonRuntime | null;
  readonly upstreams: Environment['models']['upstreams'];
  close(): Promise<void>;
}

/** Opens registry, rollouts and journals of an environment next to the process that writes it. Errors: those of the stores. */
export async function openPlaybookStores(environment: Environment): Promise<PlaybookStores> {
  const { directory } = environment;
  mkdirSync(directory, { recursive: true });
  const opened: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(store: T): T => {
    opened.push(store);
    return store;
  };
  const close = async () => {
    for (const store of opened.reverse()) await store.close();
  };
  try {
    const artifacts = await openArtifacts(environment);
    const python = await openPython(environment, artifacts);
    if (python !== null) keep(python);
    return {
      playbooks: keep(await openPlaybooks(environment)),
      registry: keep(await openRegistry(environment)),
      rollouts: keep(await openRollouts(environment)),
      artifacts,
      withHistory: historyOf(environment),
      runtime: runtimes.here,
      trainer: trainerProgram(),
      runs: join(directory, 'runs'),
      openRun: trainingRunsOf(environment),
      tracking: trackingUri(environment),
      python,
      upstreams: environment.models.upstreams,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
