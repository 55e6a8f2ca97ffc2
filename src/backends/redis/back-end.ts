import type { z } from 'zod';
import { parseDuration } from '../../base/time.ts';
import type { BackEndPlace, OnlineBackEnd, OnlineFact } from '../../ports/back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { redisFailures } from './failures.ts';
import { openRedisStore } from './online-store.ts';
import { redisOptions } from './options.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { joinShares } from './share-leases.ts';
import { placeOf } from './store-keys.ts';
import { openRedisShares } from './tile-shares.ts';

export const redisOnline: BackEndRow<z.output<typeof redisOptions>, BackEndPlace, OnlineBackEnd, OnlineFact> = {
  kind: 'redis',
  folder: 'redis',
  is: 'a Redis or Valkey, one server or a cluster',
  options: redisOptions,
  facts: ['shared', 'writers'],
  open: onlineOn,
};

function onlineOn(options: z.output<typeof redisOptions>, place: BackEndPlace): OnlineBackEnd {
  const { namespace: prefix, project, dataId } = place;
  const reached = () => reachedBy(options, place);
  const reader = { project, data: null };
  return {
    kind: 'redis',
    addresses: [options.url].flat(),
    // Its commits are calls that are answered later: nothing waits for one. Its windows come with the reads of a request.
    // A cluster has no script over an anchor and a record.
    lacks: ['openCommit', 'storedWindows', ...(isCluster(options) ? ['adds'] : [])],
    open: (shares) => openRedisStore({ ...reached(), prefix, owner: { project, data: dataId() } }, 'write', shares),
    openReader: () => openRedisStore({ ...reached(), prefix, owner: reader }, 'read'),
    shares:
      options.writers === 'many'
        ? {
            open: (names) => openRedisShares({ ...reached(), prefix, owner: reader }, names),
            join: ({ shares }) => joinShares({ ...reached(), prefix }, shares),
          }
        : null,
    clear: async (namesOf) => {
      await dropKeys(reached(), namesOf(':'));
    },
    get failures() {
      return redisFailures({ ...reached(), prefix });
    },
    copied: null,
  };
}

function isCluster({ url, cluster }: Pick<z.output<typeof redisOptions>, 'url' | 'cluster'>): boolean {
  return cluster ?? typeof url !== 'string';
}

/** How the servers are reached, with secrets and files read. Errors: CONFIG_SECRET, CONFIG_TLS. */
function reachedBy(
  { url, cluster, username, password, tls, timeout, nested }: z.output<typeof redisOptions>,
  { secretOf, pemOf }: BackEndPlace,
): Omit<RedisOptions, 'prefix'> {
  return {
    urls: typeof url === 'string' ? [url] : url,
    cluster: isCluster({ url, cluster }),
    nested,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: secretOf(password, 'online.password') }),
    tls: tls === undefined ? null : pemOf(tls),
    timeoutMs: parseDuration(timeout, 'online.timeout'),
  };
}

/** Removes every key that begins with a text, whoever holds it. Errors: REDIS_*. */
async function dropKeys(options: Omit<RedisOptions, 'prefix'>, beginning: string): Promise<number> {
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
