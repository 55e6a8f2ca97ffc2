import type { RequestCheck } from '../request-check.ts';
import type { LiveReads, ReadContext, Route, RouteAnswer, WriteContext } from '../route.ts';
import { type Live, LiveFeed, type LiveTopic } from './live-feed.ts';

/** The contexts of the routes, how callers are checked, and the text that may not leave the server. */
interface Place {
  readonly read: ReadContext;
  readonly write: Omit<WriteContext, 'live'>;
  readonly check: RequestCheck;
  readonly hide: (text: string) => string;
}

/** Opens the feed of the routes that declare `live`: an event has the answer that the route gives. */
export function openLive(routes: readonly Route[], { read, write, check, hide }: Place): Live {
  const watched = routes.filter((route) => route.access !== 'predicts' && route.live !== undefined);
  const scopes = new Map(watched.map((route) => [route.path as string, route.scopes]));
  const topics = watched.flatMap((route) => topicOf(route, read, write) ?? []);
  return {
    feed: new LiveFeed(topics, hide),
    check: (paths, authorization) => {
      for (const path of paths) check(scopes.get(path) ?? [], authorization);
    },
  };
}

function topicOf(route: Route, read: ReadContext, write: Omit<WriteContext, 'live'>): LiveTopic | null {
  switch (route.access) {
    case 'reads':
      return made(route.path, route.live, read);
    case 'writes':
      return made(route.path, route.live, write);
    case 'predicts':
      return null;
    default:
      return route satisfies never;
  }
}

function made<C>(path: string, live: LiveReads<C> | undefined, context: C): LiveTopic | null {
  if (live === undefined) return null;
  return { path, everyMs: live.everyMs, read: async () => textOf(await live.read(context)) };
}

function textOf({ body }: RouteAnswer): string {
  if (typeof body !== 'string') throw new TypeError('a watched route answers with text');
  return body;
}
