import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { MonitorWindow, WindowState } from './judge-windows.ts';

/** A fault counts at once; drift needs k of the windows, of features the same one; what cannot be judged is never ok. */
export function overall(
  windows: readonly MonitorWindow[],
  { kind, k, of }: Pick<ResolvedMonitor, 'kind' | 'k' | 'of'>,
): { state: WindowState; reason: string } {
  const last = windows.slice(-of);
  const drifting = last.filter(({ state }) => state === 'drift');
  const most = kind === 'featureDrift' ? mostOften(drifting) : drifting.length;
  const newest = last.at(-1);
  if (newest === undefined) return { state: 'insufficient', reason: 'no window' };
  if (newest.state === 'fault') return { state: 'fault', reason: newest.reason };
  if (most >= k)
    return { state: 'drift', reason: `${most} of ${last.length} windows: ${drifting.at(-1)?.reason ?? ''}` };
  if (newest.state === 'drift')
    return { state: 'ok', reason: `${most} of ${last.length} windows, ${k} are needed: ${newest.reason}` };
  return { state: newest.state, reason: newest.reason };
}

/** In how many of the windows the same feature drifts. */
function mostOften(windows: readonly MonitorWindow[]): number {
  const times = new Map<string, number>();
  for (const { drifted } of windows) for (const name of drifted) times.set(name, (times.get(name) ?? 0) + 1);
  return Math.max(0, ...times.values());
}
