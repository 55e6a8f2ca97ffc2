import type { MonitorWindow } from './judge-windows.ts';

/** The slice that is alone in drift in each window with drift; null: all rows are, or several slices. */
export function onlySlice(
  windows: readonly (Pick<MonitorWindow, 'slice'> & { readonly state: string })[],
): string | null {
  const [first, ...others] = windows.filter(({ state }) => state === 'drift').map(({ slice }) => slice ?? null);
  return first !== undefined && others.every((slice) => slice === first) ? first : null;
}
