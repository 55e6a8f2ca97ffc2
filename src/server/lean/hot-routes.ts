import type { Headrace } from '../../running/headrace.ts';
import { type HotOptions, pathFor, patternOf, type Route } from '../route.ts';
import type { ServedProject } from '../served-project.ts';
import type { BytesRoute, HotAnswer, HotRoute } from './hot-route.ts';

/** The hot routes of a process; without `headrace` none that writes. */
export function hotRoutes(
  routes: readonly Route[],
  served: ServedProject,
  headrace: Headrace | null,
  options: HotOptions,
): readonly HotRoute[] {
  return routes.flatMap((route) => {
    return (answersOf(route, served, headrace, options) ?? []).map(
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

function answersOf(
  route: Route,
  served: ServedProject,
  headrace: Headrace | null,
  options: HotOptions,
): readonly HotAnswer[] | undefined {
  const { predicting } = served;
  if (route.access === 'reads') return route.hot?.(served, options);
  if (route.access === 'predicts') return predicting === null ? [] : route.hot?.(predicting, options);
  return headrace === null ? [] : route.hot?.(headrace, options);
}

/** The route of requests that run models; null: the process has none. */
export function bytesRoute(routes: readonly Route[], served: ServedProject): BytesRoute | null {
  for (const route of routes)
    if (route.access === 'reads' && route.hotBytes !== undefined)
      return { route: patternOf(route), scopes: route.scopes, answer: route.hotBytes(served) };
  return null;
}
