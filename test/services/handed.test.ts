import { describe, expect, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import type { HandOver } from '../../src/ports/hand-over.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { deepIf } from './deep.ts';

const stores = [
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const;

for (const [name, variable] of stores)
  describe(`batches of readers in ${name}`, deepIf(name !== 'Redis'), () => {
    test('stay until they are dropped, the oldest first, whoever reads them, with every byte', async () => {
      const options = freshOptions(addressOf(variable));
      const writer = await openRedisStore(options, 'write');
      const reader = await openRedisStore(options, 'read');
      const [push, take] = [reader.handOver, writer.handOver] as [HandOver, HandOver];
      const bytes = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
      for (const id of ['a', 'b', 'c']) expect(await push.push({ id, bytes })).toBe(true);
      expect((await take.peek(2)).map(({ id }) => id)).toEqual(['a', 'b']);
      expect((await take.peek(9))[2]).toEqual({ id: 'c', bytes });
      await take.drop(['a', 'b']);
      expect((await take.peek(9)).map(({ id }) => id)).toEqual(['c']);
      await take.drop(['c']);
      expect(await take.peek(9)).toEqual([]);
      await reader.close();
      await writer.close();
    });
  });
