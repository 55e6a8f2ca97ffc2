import { describe, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import { RedisLink, textOf } from '../../src/backends/redis/redis-link.ts';
import { placeOf } from '../../src/backends/redis/store-keys.ts';
import { onlineStoreContracts } from '../../src/testing/contracts/online-store.ts';
import { remoteStoreContracts } from '../../src/testing/contracts/remote-store.ts';
import { addressOf, freshOptions } from './addresses.ts';

describe.each([
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('online store in %s', (_, variable) => {
  // Its commits are calls that are answered later: nothing waits for one.
  test.each(onlineStoreContracts.filter(({ needs }) => !needs.includes('openCommit')))(
    'rule $rule: $name',
    async ({ run }) => {
      const options = freshOptions(addressOf(variable));
      await run({ open: () => openRedisStore(options) });
    },
  );
});

describe.each([
  ['Redis', 'REDIS_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('behind a network: %s', (_, variable) => {
  test.each(remoteStoreContracts)('rule $rule: $name', async ({ run }) => {
    const options = freshOptions(addressOf(variable));
    const link = await RedisLink.open(options);
    const keysOf = async (pattern: string) => {
      const keys: string[] = [];
      for await (const some of link.scan(`${options.prefix}:${pattern}`)) keys.push(...some);
      return keys.map(placeOf);
    };
    await run({
      open: () => openRedisStore(options),
      // As after a crash between the last two steps of a commit: the tiles are there, the anchors say the one before.
      cutShort: async () => {
        for (const anchor of await keysOf('a:*')) {
          const next = Number(textOf(await link.send(anchor, ['HGET', anchor.key, 'next'])));
          const note = textOf(await link.send(anchor, ['HGET', anchor.key, `c${next - 1}`]));
          const [writer, position] = note.split('\0');
          const fields = ['last', String(next - 1), `p${writer}`, `${next - 1}\0${position}`];
          await link.send(anchor, ['HSET', anchor.key, ...fields]);
        }
      },
      lose: async () => {
        for (const place of await keysOf('*')) await link.send(place, ['DEL', place.key]);
      },
    });
    link.close();
  });
});
