import { compareText } from '../base/text-order.ts';
import type { Route } from './route.ts';

/** A path that the server knows, whatever the method. */
export interface KnownPath {
  /** By method; HEAD is answered by the route of GET. */
  readonly routes: ReadonlyMap<string, Route>;
  /** The field `allow`. */
  readonly allow: string;
  /** Whether a caller needs no key. */
  readonly isPublic: boolean;
}

/** Finds the path of a request target; null where no route has it. */
export type PathTable = (target: string) => KnownPath | null;

/** Makes the table of the paths of some routes. `*` stands for the server (RFC 9110, 9.3.7). */
export function pathTable(routes: readonly Route[]): PathTable {
  const paths = [...new Set(routes.map(({ path }) => path))].map((path) => ({
    segments: path.split('/'),
    known: knownPath(routes.filter((route) => route.path === path)),
  }));
  const server = { ...knownPath(routes), routes: new Map() };
  return (target) => {
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);
    if (path === '*') return server;
    const segments = path.split('/').map(decoded);
    return paths.find((one) => matches(one.segments, segments))?.known ?? null;
  };
}

function knownPath(routes: readonly Route[]): KnownPath {
  const byMethod = new Map(routes.map((route): [string, Route] => [route.method, route]));
  const get = byMethod.get('GET');
  if (get !== undefined) byMethod.set('HEAD', get);
  return {
    routes: byMethod,
    allow: [...byMethod.keys(), 'OPTIONS'].sort(compareText).join(', '),
    isPublic: routes.every(({ scopes }) => scopes === null),
  };
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]));
}

/** A path can be written in many ways; one that cannot be decoded is no path of a route. */
function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}
