import { describe } from 'vitest';
import { testRedisAway } from '../away/redis-away.ts';
import { testSharesAway } from '../away/shares-away.ts';
import { addressOf, freshOptions } from './addresses.ts';

describe('a store in a Redis', () => {
  testRedisAway(
    () => Number(new URL(addressOf('REDIS_URL')[0]).port),
    (url) => freshOptions([url]),
  );
});

describe('shares of tiles in a Redis', () => {
  testSharesAway(
    () => Number(new URL(addressOf('REDIS_URL')[0]).port),
    (url) => freshOptions([url]),
  );
});
