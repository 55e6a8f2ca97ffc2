import type { MlflowRoute } from './mlflow-route.ts';

/** A route and the values of its path's parameters. */
export interface FoundRoute {
  readonly route: MlflowRoute;
  readonly params: readonly string[];
}

/** Prefixes of the one interface; `ajax-api` is that of the browser's. */
const PREFIX = /^\/(?:api|ajax-api)\/[23]\.0(?=\/)/;

/** Finds routes: those without parameters by their text, the others one after the other. */
export function routeTable(
  routes: readonly MlflowRoute[],
): (method: string, path: string) => FoundRoute | 'method' | null {
  const plain = new Map<string, MlflowRoute>();
  const patterns: { readonly route: MlflowRoute; readonly match: Match }[] = [];
  for (const route of routes) {
    if (route.path.includes('{')) patterns.push({ route, match: matchOf(route.path) });
    else plain.set(`${route.method} ${route.path}`, route);
  }
  const paths = new Set(routes.map(({ path }) => path));
  return (method, path) => {
    const below = path.replace(PREFIX, '');
    if (below === path) return null;
    const exact = plain.get(`${method} ${below}`);
    if (exact !== undefined) return { route: exact, params: [] };
    let isOtherMethod = paths.has(below as `/${string}`);
    for (const { route, match } of patterns) {
      const params = match(below);
      if (params === null) continue;
      if (route.method === method) return { route, params: params.map(decoded) };
      isOtherMethod = true;
    }
    return isOtherMethod ? 'method' : null;
  };
}

/** The values of a path's parameters; null: the path is another one. */
type Match = (path: string) => readonly string[] | null;

/** A parameter `{name}` is one part of a path. `{name+}`, the last of a route, is the whole rest. */
function matchOf(route: string): Match {
  const parts = route.split('/');
  const takesRest = parts.at(-1)?.endsWith('+}') === true;
  return (path) => {
    const asked = path.split('/');
    if (takesRest ? asked.length < parts.length : asked.length !== parts.length) return null;
    const params: string[] = [];
    for (const [index, part] of parts.entries()) {
      const value = takesRest && index === parts.length - 1 ? asked.slice(index).join('/') : (asked[index] ?? '');
      if (!part.startsWith('{')) {
        if (part !== value) return null;
      } else if (value === '') return null;
      else params.push(value);
    }
    return params;
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
