import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { alertsPart } from '../monitoring/alerts/alerts-part.ts';
import { monitorsPart } from '../monitoring/monitor/monitors-part.ts';
import { openPart } from '../observe/part-kind.ts';
import type { AlertStore } from '../ports/alert-store.ts';
import type { Part } from '../ports/part.ts';
import { readAlerts } from './open-alerts.ts';
import { readMonitorState } from './open-monitor.ts';

/** The parts of monitors and alerts: they read the files that the monitor's process writes. */
export function monitoringParts(project: ProjectData, { directory }: Environment, now: number): readonly Part[] {
  let store: AlertStore | null = null;
  const stores = {
    store: () => {
      store ??= readAlerts(directory);
      return store;
    },
  };
  return [
    openPart(monitorsPart, {
      state: () => readMonitorState(directory),
      isDeclared: project.models.some(({ monitors }) => monitors.length > 0),
      since: now,
    }),
    openPart(alertsPart, stores, {
      close: async () => {
        store?.close();
        store = null;
      },
    }),
  ];
}
