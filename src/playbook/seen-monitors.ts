import type { MonitorStatus } from '../monitoring/monitor/judge-windows.ts';
import type { SeenMonitor } from '../ports/playbook-store.ts';

/** Findings of monitors as a journal keeps them: what decides, and nothing that is not the same in a replay. */
export function seenMonitors(statuses: readonly MonitorStatus[]): readonly SeenMonitor[] {
  return statuses.map(({ monitor, version, state, reason, windows }) => ({
    kind: monitor.kind,
    version,
    state,
    reason,
    metric: monitor.metric,
    ...(monitor.on === 'scores' ? {} : { on: monitor.on }),
    windows: windows.map(({ from, to, rows, state: found, reason: why, faults, drifted, changedAt, slice }) => ({
      from,
      to,
      rows,
      state: found,
      reason: why,
      faults: faults.map(({ kind, columns, text, source, change }) => ({
        kind,
        columns,
        text,
        ...(source === undefined ? {} : { source }),
        ...(change === undefined ? {} : { change }),
      })),
      drifted,
      changedAt,
      ...(slice === undefined ? {} : { slice }),
    })),
  }));
}
