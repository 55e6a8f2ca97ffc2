import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { Looks } from '../detect/quiet-chance.ts';

const DAY_MS = 86_400_000;

export function windowsPerDay({ windowMs }: Pick<ResolvedMonitor, 'windowMs'>): number {
  return Math.max(1, Math.round(DAY_MS / windowMs));
}

/** How often a monitor looks, for the chance that a quiet window may be beyond its limit. */
export function looksOf({ windowMs, k, of }: Pick<ResolvedMonitor, 'windowMs' | 'k' | 'of'>): Looks {
  return { windowsPerDay: DAY_MS / windowMs, k, of };
}
