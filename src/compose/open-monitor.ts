import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileArtifactStore } from '../backends/embedded/artifacts/file-artifact-store.ts';
import { acquireLock, type Lock } from '../backends/embedded/lock.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Watched } from '../monitoring/monitor/judge-windows.ts';
import { type MonitorState, parseState, STATE_FILE } from '../monitoring/monitor/monitor-state.ts';
import { decodeReference } from '../monitoring/monitor/reference.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { CHAMPION } from '../registry/champion.ts';
import { openHistory } from './compose.ts';
import { openSqliteRegistry, registryFile } from './open-registry.ts';

/** The inputs of a monitor: published history, champions and their references. It writes its state alone. */
export interface MonitorStores {
  /** The published history as of now; the caller closes it. */
  history(): Promise<OfflineStore>;
  /** Champions with their references; models without a champion are left out. */
  watched(): Promise<readonly Watched[]>;
  close(): Promise<void>;
}

export function openMonitor(project: ProjectData, environment: Environment): MonitorStores {
  const registry = openSqliteRegistry(registryFile(environment.directory));
  const artifacts = new FileArtifactStore(join(environment.directory, 'artifacts'));
  return {
    history: () => openHistory(environment),
    watched: async () => {
      const found: Watched[] = [];
      for (const model of project.models) {
        const version = await registry.alias(model.name, CHAMPION);
        if (version === null) continue;
        const registered = (await registry.versions(model.name)).find((one) => one.version === version);
        const digest = registered?.lineage.reference;
        found.push({
          model,
          version,
          reference: digest === undefined ? null : decodeReference(await artifacts.get(digest)),
        });
      }
      return found;
    },
    close: async () => {
      await registry.close();
    },
  };
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
