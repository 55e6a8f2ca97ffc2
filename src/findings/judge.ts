import { reasonOf } from '../base/reason-of.ts';
import type { ModelData } from '../features/define/declaration.ts';
import { judgeModel, type MonitorStatus } from '../monitoring/monitor/judge-windows.ts';
import { newMonitorMemory } from '../monitoring/monitor/monitor-memory.ts';
import { watchedVersion } from '../monitoring/monitor/watched-version.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { CHAMPION } from '../registry/champion.ts';
import { type MonitorState, newState } from './monitor-state.ts';

/** The stores that a judgement reads. */
export interface JudgeStores {
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  /** The published history as of now, for the time of the work. */
  readonly withHistory: <T>(work: (history: OfflineStore) => Promise<T>) => Promise<T>;
}

/** The newest judgement of a model: of one version, as of one instant. */
interface Judged {
  readonly version: number;
  readonly at: number;
  readonly statuses: Promise<readonly MonitorStatus[]>;
}

/**
 * Judges the windows of models. A version is judged once for an instant: status, incidents and playbook that ask for the same
 * instant get the same findings. Its memory spares a process that judges again and again most of the reading.
 */
export class Judge {
  readonly #memory = newMonitorMemory();
  readonly #judged = new Map<string, Judged>();

  /** Judges every model that has a champion, as of `at`. A model that fails is named, and the others are judged. Errors: those of the registry. */
  async champions(
    stores: JudgeStores,
    models: readonly ModelData[],
    { at, everyMs }: Pick<MonitorState, 'at' | 'everyMs'>,
  ): Promise<MonitorState> {
    const monitors: MonitorStatus[] = [];
    const failed: { model: string; reason: string }[] = [];
    const champions: { readonly model: ModelData; readonly version: number }[] = [];
    for (const model of models) {
      const version = await stores.registry.alias(model.name, CHAMPION);
      if (version !== null) champions.push({ model, version });
    }
    const judgeAll = async (history: OfflineStore) => {
      const opened: JudgeStores = { ...stores, withHistory: (work) => work(history) };
      for (const { model, version } of champions)
        try {
          monitors.push(...(await this.version(opened, model, version, at)));
        } catch (error) {
          failed.push({ model: model.name, reason: reasonOf(error) });
        }
    };
    // Without a champion there may be no history yet.
    if (champions.length > 0) await stores.withHistory(judgeAll);
    return newState({ at, everyMs, monitors, failed });
  }

  /** The findings of a version's monitors as of `at`: those of the last judgement where it was the same. Errors: REGISTRY_*, those of the history. */
  version(stores: JudgeStores, model: ModelData, version: number, at: number): Promise<readonly MonitorStatus[]> {
    const last = this.#judged.get(model.name);
    if (last?.version === version && last.at === at) return last.statuses;
    const statuses = this.#statuses(stores, model, version, at);
    this.#judged.set(model.name, { version, at, statuses });
    return statuses;
  }

  async #statuses({ registry, artifacts, withHistory }: JudgeStores, model: ModelData, version: number, at: number) {
    const watched = await watchedVersion({ registry, artifacts }, model, version);
    return withHistory((history) => judgeModel(watched, history, at, this.#memory));
  }
}
