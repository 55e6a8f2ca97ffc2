import type { StoreFailures } from '../../ports/back-end.ts';
import type { OnlineStore, TileRead } from '../../ports/online-store.ts';
import { openRedisStore } from './online-store.ts';
import { RedisLink, textOf } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { type Place, placeOf } from './store-keys.ts';
import { openRedisShares } from './tile-shares.ts';

/** A store in a Redis and its failures, as its rules provoke them. */
export function redisFailures(options: RedisOptions): StoreFailures {
  return {
    shared: sharedFailures(options),
    open: () => openRedisStore(options),
    /**
     * As after a crash between the last two steps of a commit: the tiles are there, the anchors name the previous
     * commit.
     */
    cutShort: () =>
      eachKey(options, 'n:*', async (link, anchor) => {
        const next = Number(textOf(await link.send(anchor, ['HGET', anchor.key, 'next'])));
        const note = textOf(await link.send(anchor, ['HGET', anchor.key, `c${next - 1}`]));
        const [writer, position] = note.split('\0');
        const fields = ['last', String(next - 1), `p${writer}`, `${next - 1}\0${position}`];
        await link.send(anchor, ['HSET', anchor.key, ...fields]);
      }),
    lose: () => eachKey(options, '*', (link, place) => link.send(place, ['DEL', place.key])),
  };
}

function sharedFailures(options: RedisOptions): StoreFailures['shared'] {
  const namesOf = (shares: number) => ({ engine: 'contract', shares });
  let store: OnlineStore | null = null;
  return {
    serve: async (shares: number) => {
      store ??= await openRedisStore(options, 'write', namesOf(shares));
      await store.remote?.rewind();
      await store.remote?.confirm();
    },
    open: (shares: number) => openRedisShares(options, namesOf(shares)),
    read: async (read: TileRead) => {
      const reader = await openRedisStore(options, 'read');
      try {
        const answer = await reader.remote?.read({ tiles: [read], windows: [], batch: [] });
        if (answer === undefined) throw new TypeError('a store in a Redis is behind a network');
        return { ...answer, run: answer.runs[0] };
      } finally {
        await reader.close();
      }
    },
    lose: () => eachKey(options, '*', (link, place) => link.send(place, ['DEL', place.key])),
    close: () => store?.close() ?? undefined,
  };
}

async function eachKey(
  options: RedisOptions,
  pattern: string,
  work: (link: RedisLink, place: Place) => Promise<unknown>,
): Promise<void> {
  const link = await RedisLink.open(options);
  try {
    for await (const keys of link.scan(`${options.prefix}:${pattern}`))
      for (const key of keys) await work(link, placeOf(key));
  } finally {
    link.close();
  }
}
