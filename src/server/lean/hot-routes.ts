import type { Headrace } from '../../running/headrace.ts';
import { type HotOptions, pathFor, patternOf, type Route } from '../route.ts';
import type { ServedProject } from '../served-project.ts';
import type { BytesRoute, HotRoute } from './hot-route.ts';

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

/** The route of requests that run models; null: the process has none. */
export function bytesRoute(routes: readonly Route[], served: ServedProject): BytesRoute | null {
  for (const route of routes)
    if (route.access === 'reads' && route.hotBytes !== undefined)
      return { route: patternOf(route), scopes: route.scopes, answer: route.hotBytes(served) };
  return null;
}
