import type { Headrace } from '../../running/headrace.ts';
import { type HotOptions, pathFor, patternOf, type Route } from '../route.ts';
import type { ServedProject } from '../served-project.ts';
import type { HotRoute } from './hot-route.ts';

/** The hot routes of a process; without `headrace` only those that read. */
export function hotRoutes(
  routes: readonly Route[],
  served: ServedProject,
  headrace: Headrace | null,
  options: HotOptions,
): readonly HotRoute[] {
  return routes.flatMap((route) => {
    const answers =
      route.access === 'reads' ? route.hot?.(served, options) : headrace && route.hot?.(headrace, options);
    return (answers ?? []).map(
      ({ name, turnsAway, answer }): HotRoute => ({
        path: pathFor(route, name),
        route: patternOf(route),
        scopes: route.scopes,
        turnsAway,
        answer,
      }),
    );
  });
}
