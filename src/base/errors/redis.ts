import { later, never, safe } from './row.ts';

/** Errors of Redis and Valkey. */
export const redisErrors = {
  REDIS_CLIENT: never(500, 3)
    .message('the environment uses Redis, and the package redis is not installed')
    .hint('run npm install redis'),
  REDIS_UNREACHABLE: later(503, 5)
    .message('the Redis at {address} cannot be reached: {reason}')
    .hint('start it, or correct online.url; ingested events are in the log, and are written when Redis is back'),
  REDIS_TIMEOUT: safe(503, 5)
    .message('the Redis at {address} did not answer within {ms} ms')
    .hint('check it for slow commands and load (SLOWLOG GET, INFO), or raise online.timeoutMs'),
  REDIS_AUTH: never(500, 3)
    .message('the Redis at {address} rejects the login: {reason}')
    .hint('correct online.username and the variable that online.password names'),
  REDIS_POLICY: never(500, 3)
    .message('the Redis at {address} may evict keys: its maxmemory-policy is {policy}')
    .hint('set maxmemory-policy noeviction on it: an evicted tile makes a sum smaller, and nothing reports it'),
  REDIS_VERSION: never(500, 3)
    .message('the Redis at {address} has version {found}; the oldest supported version is 7.0')
    .hint('use Redis 7.0 or newer, or Valkey 8 or newer'),
  REDIS_MEMORY: later(503, 5)
    .message('the Redis at {address} has reached its maxmemory')
    .hint(
      'raise maxmemory, or shorten the windows; ingested events are in the log, and are written when there is space',
    ),
  REDIS_READONLY: later(503, 5)
    .message('the Redis at {address} is a replica and rejects writes')
    .hint('point online.url at the primary'),
  REDIS_CLUSTER: later(503, 5)
    .message('the Redis cluster at {address} does not serve all slots: {reason}')
    .hint('check CLUSTER INFO and CLUSTER SHARDS on it'),
  REDIS_BUSY: later(503, 5)
    .message('the Redis at {address} accepts no commands now: {reason}')
    .hint('wait until it has loaded its data, or fix the reason that it gives'),
  NAMESPACE_TAKEN: never(500, 2)
    .message('the namespace {namespace} in the Redis at {address} belongs to {other}')
    .hint(
      'give each project and each environment its own namespace; if that data is obsolete, delete the keys that start with the namespace and ":"',
    ),
};
