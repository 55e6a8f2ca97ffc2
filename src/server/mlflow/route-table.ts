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
  const patterns: { readonly route: MlflowRoute; readonly pattern: RegExp }[] = [];
  for (const route of routes) {
    if (route.path.includes('{')) patterns.push({ route, pattern: patternOf(route.path) });
    else plain.set(`${route.method} ${route.path}`, route);
  }
  const paths = new Set(routes.map(({ path }) => path));
  return (method, path) => {
    const below = path.replace(PREFIX, '');
    if (below === path) return null;
    const exact = plain.get(`${method} ${below}`);
    if (exact !== undefined) return { route: exact, params: [] };
    let isOtherMethod = paths.has(below as `/${string}`);
    for (const { route, pattern } of patterns) {
      const match = pattern.exec(below);
      if (match === null) continue;
      if (route.method === method) return { route, params: match.slice(1).map(decoded) };
      isOtherMethod = true;
    }
    return isOtherMethod ? 'method' : null;
  };
}

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (/^\{\w+\+\}$/.test(part)) return '(.+)';
    return part.startsWith('{') ? '([^/]+)' : part;
  });
  return new RegExp(`^${parts.join('/')}$`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
