import { describe, test } from 'vitest';
import { redisFailures } from '../../src/backends/redis/failures.ts';
import { onlineStoreContracts } from '../../src/testing/contracts/online-store.ts';
import { remoteStoreContracts } from '../../src/testing/contracts/remote-store.ts';
import { tileSharesContracts } from '../../src/testing/contracts/tile-shares.ts';
import { addressOf, freshOptions } from './addresses.ts';

describe.each([
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('online store in %s', (_, variable) => {
  // Its commits are calls that are answered later: nothing waits for one. Its windows come with the reads of a request.
  const lacks = ['openCommit', 'storedWindows'];
  test.each(onlineStoreContracts.filter(({ needs }) => !needs.some((need) => lacks.includes(need))))(
    'rule $rule: $name',
    async ({ run }) => {
      await run(redisFailures(freshOptions(addressOf(variable))));
    },
  );
});

describe.each([
  ['Redis', 'REDIS_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('behind a network: %s', (_, variable) => {
  test.each(remoteStoreContracts)('rule $rule: $name', async ({ run }) => {
    const options = freshOptions(addressOf(variable));
    await run(redisFailures(options));
  });
});

describe.each([
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('tiles that many write: %s', (_, variable) => {
  // A cluster has no script over an anchor and a record.
  const lacks = variable === 'REDIS_CLUSTER_NODES' ? ['adds'] : [];
  const kept = tileSharesContracts.filter(({ needs }) => !needs.some((need) => lacks.includes(need)));
  test.each(kept)('rule $rule: $name', async ({ run }) => {
    await run(redisFailures(freshOptions(addressOf(variable))).shared);
  });
});
