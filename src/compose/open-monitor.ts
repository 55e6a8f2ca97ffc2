import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, type Lock } from '../backends/embedded/lock.ts';
import type { Environment } from '../environment/config.ts';
import type { ModelData, ProjectData } from '../features/define/declaration.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Watched } from '../monitoring/monitor/judge-windows.ts';
import { type MonitorState, parseState, STATE_FILE } from '../monitoring/monitor/monitor-state.ts';
import { watchedVersion } from '../monitoring/monitor/watched-version.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { AliasMove, ModelRegistry } from '../ports/model-registry.ts';
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
import { openPlaybooks, trainerProgram, trainingRunsOf } from './open-playbooks.ts';
import { openPython } from './open-python.ts';
import { openRegistry, openRollouts, trackingUri } from './open-registry.ts';

/** The inputs of a monitor: published history, champions and their references. It writes its state alone. */
export interface MonitorStores {
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
      const store = openPlaybooks(environment);
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

/** The stores of playbooks in a process that does not write the environment. */
export interface PlaybookStores {
  readonly registry: ModelRegistry;
  readonly rollouts: RolloutStore;
  readonly playbooks: PlaybookStore;
  readonly artifacts: ArtifactStore;
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
      playbooks: keep(openPlaybooks(environment)),
      registry: keep(await openRegistry(environment)),
      rollouts: keep(await openRollouts(environment)),
      artifacts,
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

/** Takes the lease of an environment's monitor; null: another process has it. It ends with the process, however that dies. */
export function monitorLease(directory: string): Lock | null {
  mkdirSync(directory, { recursive: true });
  return acquireLock(join(directory, 'monitor.lock'));
}

/** Replaces the state whole. */
export function writeMonitorState(directory: string, state: MonitorState): void {
  replaceFile(join(directory, STATE_FILE), JSON.stringify(state));
}

/** Null: no monitor has run, or its state is of another version. */
export function readMonitorState(directory: string): MonitorState | null {
  try {
    return parseState(readFileSync(join(directory, STATE_FILE), 'utf8'));
  } catch {
    return null;
  }
}
