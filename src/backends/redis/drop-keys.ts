import { RedisLink } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { placeOf } from './store-keys.ts';

/** Removes every key that begins with a text, whoever holds it. Errors: REDIS_*. */
export async function dropKeys(options: Omit<RedisOptions, 'prefix'>, beginning: string): Promise<number> {
  const link = await RedisLink.open({ ...options, prefix: beginning });
  try {
    let dropped = 0;
    for await (const keys of link.scan(`${beginning.replaceAll(/[\\*?[\]]/g, '\\$&')}*`)) {
      await link.within(Promise.all(keys.map((key) => link.sendUnlimited(placeOf(key), ['UNLINK', key]))));
      dropped += keys.length;
    }
    return dropped;
  } finally {
    link.close();
  }
}
