import { describe, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import { onlineStoreContracts } from '../../src/testing/contracts/online-store.ts';
import { addressOf, freshOptions } from './addresses.ts';

describe.each([
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('online store in %s', (_, variable) => {
  test.each(onlineStoreContracts)('rule $rule: $name', async ({ run }) => {
    const options = freshOptions(addressOf(variable));
    await run({ open: () => openRedisStore(options) });
  });
});
