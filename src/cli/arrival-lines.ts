import type { Arrival } from '../monitoring/monitor/arrival-windows.ts';

/** Sources whose rows did not come as usual, or of which nobody can tell, as lines for a terminal. */
export function arrivalLines(arrivals: readonly Arrival[] = []): readonly string[] {
  return arrivals
    .filter(({ state }) => state !== 'ok')
    .map(({ source, kind, state, reason }) => `${kind} of ${source}: ${state}: ${reason}`);
}
