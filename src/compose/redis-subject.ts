import { openRedisStore } from '../backends/redis/online-store.ts';
import { RedisLink, textOf } from '../backends/redis/redis-link.ts';
import type { RedisOptions } from '../backends/redis/redis-options.ts';
import { type Place, placeOf } from '../backends/redis/store-keys.ts';

/** A store in a Redis, and what can befall it: what its rules are run on. */
export function redisSubject(options: RedisOptions) {
  return {
    open: () => openRedisStore(options),
    /** As after a crash between the last two steps of a commit: the tiles are there, the anchors say the one before. */
    cutShort: () =>
      eachKey(options, 'a:*', async (link, anchor) => {
        const next = Number(textOf(await link.send(anchor, ['HGET', anchor.key, 'next'])));
        const note = textOf(await link.send(anchor, ['HGET', anchor.key, `c${next - 1}`]));
        const [writer, position] = note.split('\0');
        const fields = ['last', String(next - 1), `p${writer}`, `${next - 1}\0${position}`];
        await link.send(anchor, ['HSET', anchor.key, ...fields]);
      }),
    lose: () => eachKey(options, '*', (link, place) => link.send(place, ['DEL', place.key])),
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
